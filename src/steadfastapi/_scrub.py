"""Secrets and hostile values are made harmless here, for every sink alike.

What a secret is, `_secrets` knows; this module bounds what it looks at. Every text is
cut first, so that the time depends on a bound of ours and not on the size of
somebody's exception (SEC-8), and every value becomes plain, finite data.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Address
from itertools import islice
from pathlib import PurePath
from typing import Any
from uuid import UUID

from steadfastapi._secrets import MASK, hides, is_secret_name, masked

__all__ = [
    "MASK",
    "Copy",
    "hides",
    "is_secret_name",
    "safe_repr",
    "safe_str",
    "scrub",
    "scrub_query",
    "scrub_text",
    "scrub_url",
    "truncate",
]

MAX_TEXT = 8 * 1024
"""Characters of one value (SEC-8: message 8 KiB)."""
MAX_DEPTH = 8
MAX_ITEMS = 256
MAX_SIZE = 48 * 1024
"""Characters of everything that is copied together (SEC-8: event 64 KiB). A few lists
that hold each other many times are as large as you like."""
MAX_NAME = 128
MAX_BITS = 1024

_MARGIN = 512
"""Characters beyond the cut that are looked at: a secret that the cut would split, and
so disguise, is found first."""
_ITEM = 8
"""What an item counts beside its characters: quotes, comma, a digit or two."""
_PRINTED = (UUID, Decimal, PurePath, IPv4Address, IPv6Address, timedelta)
_DATED = (datetime, date, time)


def scrub_text(text: str, limit: int = MAX_TEXT) -> str:
    """Return at most `limit` characters of `text`, the secrets in it masked."""
    total = len(text)
    if total > limit:
        return _cut(masked(text[: limit + _MARGIN]), limit, total)
    text = masked(text)
    return text if len(text) <= limit else _cut(text, limit, total)


def truncate(text: str, limit: int) -> str:
    """Return `text`; its start and its length where it has more than `limit`."""
    return text if len(text) <= limit else _cut(text, limit, len(text))


def _cut(text: str, limit: int, total: int) -> str:
    note = f"… [{total} characters]"
    return f"{text[: max(0, limit - len(note))]}{note}"[:limit]


def scrub_query(query: str) -> str:
    """Return a query string with its names and none of its values."""
    if not query:
        return ""
    parts = (part.partition("=") for part in query[:1024].split("&"))
    # What has no name may be anything: a token, for one.
    return "&".join(f"{name}={MASK}" if mark else MASK for name, mark, _ in parts)


def scrub_url(url: str) -> str:
    """Return a URL without the values of its query and without its password."""
    base, mark, query = url.partition("?")
    base = scrub_text(base, 2048)
    return f"{base}{mark}{scrub_query(query)}" if mark else base


def scrub(value: Any, *, limit: int = MAX_TEXT, depth: int = MAX_DEPTH) -> Any:
    """Return a bounded copy of `value` that is JSON and holds no secret.

    Total: whatever is given, it returns. Mappings and sequences are copied to
    `depth` levels, `MAX_ITEMS` items and `MAX_SIZE` characters; every other object
    becomes its scrubbed `repr`. A pair such as `("authorization", "Bearer …")` counts
    as name and value.
    """
    kind = type(value)
    if kind is str:
        return scrub_text(value, limit)
    if value is None or kind is bool or kind is float:
        return value
    return Copy(limit).of(value, depth)


class Copy:
    """Copies values until they are too much together.

    Args:
        limit: Characters of one text.
        size: Characters of everything.
    """

    __slots__ = ("_left", "_limit")

    def __init__(self, limit: int = MAX_TEXT, size: int = MAX_SIZE) -> None:
        self._limit = limit
        self._left = size

    def of(self, value: Any, depth: int = MAX_DEPTH) -> Any:
        """Return a plain, bounded, scrubbed copy of `value`."""
        self._left -= _ITEM
        if self._left <= 0:
            return "…"
        if type(value) is str:
            return self._text(value)
        try:
            return self._copied(value, depth)
        except Exception:
            return f"<{_type_name(type(value))}, unreadable>"

    def _copied(self, value: Any, depth: int) -> Any:
        if value is None or isinstance(value, (int, float)):
            return _number(value)
        if isinstance(value, str):
            return self._text(str.__str__(value))
        if isinstance(value, Mapping):
            return self._mapping(value, depth)
        if isinstance(value, (list, tuple, set, frozenset)):
            return self._items(value, depth)
        return self._text(self._printed(value))

    def _text(self, text: str) -> str:
        text = scrub_text(text, min(self._limit, self._left))
        self._left -= len(text)
        return text

    def _printed(self, value: Any) -> str:
        if isinstance(value, _DATED):
            return value.isoformat()
        if isinstance(value, _PRINTED):
            return str(value)
        if isinstance(value, (bytes, bytearray)):
            value = bytes(value[: self._limit])  # its repr would be as long as it is
        return safe_repr(value, self._limit)

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> Any:
        if depth <= 0:
            return "{…}"
        result: dict[str, Any] = {}
        for position, (key, item) in enumerate(value.items()):
            if position >= MAX_ITEMS or self._left <= 0:
                result["…"] = f"{len(value) - position} more"
                break
            name = key if type(key) is str else safe_repr(key, MAX_NAME)
            short = self._text(name[:MAX_NAME])
            result[short] = MASK if hides(name, item) else self.of(item, depth - 1)
        return result

    def _items(self, value: Any, depth: int) -> Any:
        if depth <= 0:
            return "[…]"
        items = list(islice(value, MAX_ITEMS + 1))
        if len(items) == 2 and _is_secret_pair(*items):  # noqa: PLR2004
            return [self.of(items[0], depth - 1), MASK]
        result: list[Any] = []
        for item in items[:MAX_ITEMS]:
            if self._left <= 0:
                break
            result.append(self.of(item, depth - 1))
        if len(result) < len(items):
            result.append(f"… {len(value) - len(result)} more")
        return result


def _is_secret_pair(name: Any, value: Any) -> bool:
    if type(name) is bytes:
        name = name[-MAX_NAME:].decode("latin-1")
    return type(name) is str and hides(name, value)


def _number(value: Any) -> Any:
    """Return a number as JSON has it; as text where parsers have no room (orjson)."""
    if value is None or type(value) is bool:
        return value
    if isinstance(value, float):
        return float.__float__(value)
    plain = int.__int__(value)
    if -(2**63) <= plain < 2**64:
        return plain
    # `str` refuses what has thousands of digits (CVE-2020-10735).
    return hex(plain)[:MAX_NAME] if plain.bit_length() > MAX_BITS else str(plain)


def _type_name(kind: type) -> str:
    """Return the name of a type, whatever its metaclass says."""
    name: str = type.__dict__["__name__"].__get__(kind)
    return name[:MAX_NAME]


def safe_repr(value: Any, limit: int = MAX_TEXT) -> str:
    """Return `repr(value)`, or what can be said of a value whose repr raises."""
    try:
        return truncate(str.__str__(repr(value)), limit)
    except Exception as error:
        return _unspeakable(value, "repr", error)


def safe_str(value: Any, limit: int = MAX_TEXT) -> str:
    """Return `str(value)`, or what can be said of a value whose str raises."""
    try:
        return truncate(str.__str__(str(value)), limit)
    except Exception as error:
        return _unspeakable(value, "str", error)


def _unspeakable(value: Any, how: str, error: Exception) -> str:
    return f"<{_type_name(type(value))}, {how} raised {_type_name(type(error))}>"

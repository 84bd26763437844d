"""From a cleaned line to JSON, and the escapes that every renderer needs."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import orjson

from steadfastapi._scrub import safe_repr
from steadfastapi.logs.tracebacks import ExcInfo, traceback_text

Render = Callable[[dict[str, Any], ExcInfo | None], str]
"""Turns the fields of a line and its exception into text."""

# orjson escapes C0 only; these end a line or drive a terminal just as well (SEC-4).
_RAW = re.compile(b"\x7f|\xc2[\x80-\x9f]|\xe2\x80[\xa8\xa9]")


def render_json(line: dict[str, Any], error: ExcInfo | None = None) -> str:
    """Return one line of JSON, the exception as a field of it."""
    if error is not None:
        line["exception"] = traceback_text(error)
    try:
        data = orjson.dumps(line, default=safe_repr)
    except TypeError:
        # A lone surrogate: JSON can say it, UTF-8 cannot.
        data = orjson.dumps(_encodable(line), default=safe_repr)
    if (not data.isascii() or b"\x7f" in data) and _RAW.search(data):
        data = _RAW.sub(_escaped_bytes, data)
    return data.decode("utf-8")


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dict):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_encodable(item) for item in value]
    return value


def _escaped_bytes(found: re.Match[bytes]) -> bytes:
    return f"\\u{ord(found[0].decode('utf-8')):04x}".encode()


# Also what turns text around (U+202A…, U+2066…): a name must not rewrite its line.
_CONTROL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def plain(text: str) -> str:
    """Return `text` on one line, without anything that a terminal would obey."""
    return _CONTROL.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return _SHORT.get(found[0]) or (
        f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"  # noqa: PLR2004
    )

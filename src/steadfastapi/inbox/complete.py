"""From what the request path noted to what is kept: scrubbed, bounded, readable.

Runs in the writer's thread. Truncation comes before scrubbing, and an entry is never
more than `MAX_ENTRY` bytes of JSON, whatever was raised (SEC-8).
"""

from __future__ import annotations

import os
import re
import socket
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from steadfastapi._guard import guard
from steadfastapi._scrub import Copy, safe_str, scrub_query, scrub_text, truncate
from steadfastapi.inbox.entry import Entry, Fault
from steadfastapi.inbox.fingerprint import issue_of
from steadfastapi.inbox.frames import frames_of

if TYPE_CHECKING:
    from steadfastapi._service import Service
    from steadfastapi.inbox.capture import RawFault, Sighting
    from steadfastapi.inbox.fingerprint import Fingerprint

MAX_ENTRY = 64 * 1024
"""Bytes of JSON (SEC-8)."""
MAX_MESSAGE = 8 * 1024
MAX_CAUSE = 2 * 1024
"""Characters of the message of an exception that led to the error."""
MAX_FIELDS = 8 * 1024
MAX_CONTEXT = 16 * 1024
MAX_VALUE = 2 * 1024
MAX_TITLE = 200
MAX_USER = 128
MAX_EVENT = 96
MAX_ALSO = 20
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""What a terminal would obey, and what databases refuse; newline and tab may stay."""


class Completion:
    """Completes entries of one service.

    Args:
        service: Release and environment.
        fingerprint: The application's own rule of what belongs together.
    """

    def __init__(
        self, service: Service, fingerprint: Fingerprint | None = None
    ) -> None:
        self._release = plain(service.release)[:MAX_EVENT]
        self._environment = plain(service.environment)[:MAX_EVENT]
        self._fingerprint = fingerprint
        self._host = socket.gethostname()[:64]

    def __call__(self, seen: Sighting) -> Entry:
        """Return the entry of a sighting."""
        faults = tuple(_fault(raw) for raw in seen.faults)
        message = clean(seen.message, MAX_MESSAGE)
        if not message and faults:
            message = faults[0].message
        user = seen.fields.get("user_id")
        entry = Entry(
            id=seen.id,
            issue="",
            at=seen.at,
            level=seen.level,
            event=clean(seen.event, MAX_EVENT),
            title=_title(faults, message, seen.event),
            message=message,
            faults=faults,
            request=_request(seen.request) if seen.request else {},
            fields=_values(seen.fields, MAX_FIELDS),
            context=_values(seen.context, MAX_CONTEXT),
            user=None if user is None else clean(safe_str(user, 256), MAX_USER),
            release=self._release,
            environment=self._environment,
            worker=f"{self._host}:{os.getpid()}",
            repeats=seen.repeats,
            last_at=seen.last_at or seen.at,
            also=tuple(seen.also[:MAX_ALSO]),
            users=tuple(clean(one, MAX_USER) for one in seen.users),
        )
        entry = bounded(entry)
        return replace(entry, issue=self._issue(entry, clean(seen.template, 1024)))

    def _issue(self, entry: Entry, template: str) -> str:
        try:
            return issue_of(entry, template, self._fingerprint)
        except Exception as error:
            guard.swallow("inbox.fingerprint", error)
            return issue_of(entry, template)


def clean(text: str, limit: int) -> str:
    """Return a text without secrets and control characters, `limit` at most."""
    return truncate(plain(scrub_text(text, limit)), limit)


def plain(text: str) -> str:
    """Return a text with its control characters and lone surrogates written out."""
    return _CONTROLS.sub(_written_out, text)


def _written_out(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"  # noqa: PLR2004


def _fault(raw: RawFault) -> Fault:
    kind = raw.type
    module = getattr(kind, "__module__", "builtins")
    name = (
        kind.__qualname__ if module == "builtins" else f"{module}.{kind.__qualname__}"
    )
    return Fault(
        type=plain(name)[:MAX_TITLE],
        message=clean(raw.message, MAX_CAUSE if raw.link else MAX_MESSAGE),
        frames=frames_of(raw.places),
        link=raw.link,
    )


def _title(faults: tuple[Fault, ...], message: str, event: str) -> str:
    first = message.strip().split("\n", 1)[0]
    if faults:
        name = faults[0].type.rpartition(".")[2]
        first = f"{name}: {first}" if first else name
    return truncate(first or event, MAX_TITLE)


def _request(raw: dict[str, Any]) -> dict[str, Any]:
    request = dict(raw)
    request["path"] = clean(raw["path"], 2048)
    request["query"] = plain(scrub_query(raw["query"].decode("latin-1")))
    request["user_agent"] = clean(raw["user_agent"].decode("latin-1"), 256)
    if raw["client"] is not None:
        request["client"] = clean(raw["client"], 64)
    if raw["route"] is not None:
        # As it stands in the code: `/tokens:revoke` is no secret.
        request["route"] = plain(raw["route"])[:1024]
    return {name: value for name, value in request.items() if value not in (None, "")}


def _values(values: dict[str, Any], size: int) -> dict[str, Any]:
    if not values:
        return {}
    copy = Copy(MAX_VALUE, size).of(values)
    return plain_values(copy) if isinstance(copy, dict) else {"…": copy}


def plain_values(value: Any) -> Any:
    """Return plain data whose texts every store takes."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, dict):
        return {plain(name): plain_values(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain_values(item) for item in value]
    if isinstance(value, float) and value - value != 0.0:
        return str(value)  # NaN and the infinities are no JSON
    return value


def bounded(entry: Entry) -> Entry:
    """Return an entry of at most `MAX_ENTRY` bytes; what explains least goes first."""
    for shorten in (_as_it_is, _without_sources, _alone, _bare, _least):
        entry = shorten(entry)
        if len(entry.as_json()) <= MAX_ENTRY - 512:  # the issue is still to come
            break
    return entry


def _as_it_is(entry: Entry) -> Entry:
    return entry


def _without_sources(entry: Entry) -> Entry:
    faults = tuple(
        replace(fault, frames=tuple(replace(f, source="") for f in fault.frames))
        for fault in entry.faults
    )
    return replace(entry, faults=faults)


def _alone(entry: Entry) -> Entry:
    return replace(entry, faults=entry.faults[:1])


def _bare(entry: Entry) -> Entry:
    return replace(entry, context={"…": "left out"}, fields={"…": "left out"})


def _least(entry: Entry) -> Entry:
    faults = tuple(
        replace(fault, message=fault.message[:1024]) for fault in entry.faults
    )
    return replace(entry, message=entry.message[:1024], faults=faults)

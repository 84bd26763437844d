"""Which errors are one issue: the decision, without I/O.

The same exception type, raised below the same route by the same functions of the
application. Line numbers are no part of it, so that an edit above keeps the issue;
the template of the route is, so that two routes that share a helper make two
(INBOX-4). Messages count only where there is nothing better, without their numbers.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steadfastapi.inbox.entry import Entry, Frame

Fingerprint = Callable[["Entry"], Iterable[object] | str | None]
"""Returns what an entry's issue is told by; None for the usual."""

TOP_FRAMES = 5
"""Frames of the application, from the one that raised outwards."""
_VARIABLE = re.compile(
    r"0x[0-9a-f]+|[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{16,}|\d+", re.IGNORECASE
)
MAX_TEMPLATE = 256
MAX_PARTS = 32
BY_STATUS = frozenset({"http_exception", "http_error"})
"""Events of which one route can have several kinds: 403 and 404."""


def issue_of(entry: Entry, template: str, custom: Fingerprint | None = None) -> str:
    """Return the id of the issue that an entry belongs to: 16 hex digits.

    Args:
        entry: Complete but for its issue.
        template: Its message before arguments were put in, where that is known.
        custom: The application's own function.
    """
    chosen = custom(entry) if custom is not None else None
    if chosen is None:
        parts = default_parts(entry, template)
    elif isinstance(chosen, str):
        parts = ["custom", chosen]
    else:
        parts = ["custom", *(str(part) for part in list(chosen)[:MAX_PARTS])]
    text = "\x1f".join(part.replace("\x1f", " ") for part in parts)
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16]


def default_parts(entry: Entry, template: str) -> list[str]:
    """Return what tells issues apart."""
    route = entry.route or ""
    method = str(entry.request.get("method") or "")
    if not entry.faults:
        what = without_variables(template or entry.message)
        return [entry.event, method, route, str(entry.status or ""), what]
    fault = entry.faults[0]
    parts = [fault.type, method, route]
    if entry.event in BY_STATUS:
        parts.append(str(entry.status or ""))
    return [*parts, *_places(fault.frames)]


def without_variables(text: str) -> str:
    """Return a text with its numbers, addresses and ids made equal."""
    return _VARIABLE.sub("#", text[:MAX_TEMPLATE])


def _places(frames: tuple[Frame, ...]) -> list[str]:
    own = [frame for frame in frames if frame.in_app][-TOP_FRAMES:]
    # Raised in a library that nobody of ours called: its own last calls must do.
    shown = own or list(frames[-2:])
    return [f"{frame.file}:{frame.function}" for frame in shown]

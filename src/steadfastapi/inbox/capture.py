"""What the request path does for the inbox: note what would be gone later.

No scrubbing, no files, no JSON: an exception with 30 frames has 60 µs. The writer
does the rest (`complete`), from what is noted here: places in code, texts cut to what
can be kept, and copies of values that others may go on changing.
"""

from __future__ import annotations

import os
from collections import deque
from dataclasses import dataclass, field
from time import time
from typing import TYPE_CHECKING, Any

from steadfastapi._scrub import MAX_TEXT, scrub

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import CodeType, TracebackType

    from steadfastapi._exchange import Exchange
    from steadfastapi.inbox.entry import Level, Link

MAX_FRAMES = 50
"""Of the error itself, the innermost ones (SEC-8)."""
CHAIN_FRAMES = 15
MAX_CHAIN = 6
"""Exceptions: the error and those that led to it."""
_MARGIN = 512
"""Characters beyond what is kept: a secret that the cut would split is still found."""
MAX_VALUES = 64
_PLAIN = (int, float, bool, type(None))
_MARK = "__steadfastapi_inbox__"
_OUTSIDE = "-"
"""Where an exception was captured that no exchange knows."""
_ITEM_BYTES = 1_024
"""What a sighting takes beside its texts, values and frames."""

Place = tuple["CodeType", int]
"""Code and line of a frame."""


def new_id() -> str:
    """Return an id that sorts by time: 48 bits of milliseconds, 80 random ones."""
    return f"{int(time() * 1000):012x}{os.urandom(10).hex()}"


@dataclass(slots=True)
class RawFault:
    """An exception as the request path notes it."""

    type: type[BaseException]
    message: str
    places: tuple[Place, ...]
    link: Link = ""


@dataclass(slots=True, kw_only=True)
class Sighting:
    """One error on its way to the writer. Not scrubbed: it never leaves the process."""

    event: str
    level: Level
    id: str = field(default_factory=new_id)
    at: float = field(default_factory=time)
    message: str = ""
    template: str = ""
    """What groups a message: the text before its arguments were put in."""
    faults: tuple[RawFault, ...] = ()
    request: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)
    context: dict[str, Any] = field(default_factory=dict)
    repeats: int = 1
    last_at: float = 0.0
    also: list[str] = field(default_factory=list)
    users: list[str] = field(default_factory=list)

    def key(self, *, exact: bool = False) -> tuple[Any, ...]:
        """Return what identical sightings share, in a form that is quick to compare.

        Args:
            exact: Whether messages of exceptions must be equal too.
        """
        faults = self.faults
        return (
            self.event,
            self.level,
            self.request.get("route"),
            self.request.get("status"),
            self.message if exact or not (faults or self.template) else self.template,
            faults[0].type if faults else None,
            tuple(id(code) for code, _ in faults[0].places) if faults else None,
        )

    def size(self) -> int:
        """Return roughly how many bytes it takes."""
        texts = len(self.message) + len(self.template)
        for fault in self.faults:
            texts += len(fault.message) + 96 * len(fault.places)
        for values in (self.request, self.fields, self.context):
            for value in values.values():
                texts += 96 + (len(value) if isinstance(value, (str, bytes)) else 0)
        return _ITEM_BYTES + texts


def faults_of(exception: BaseException) -> tuple[RawFault, ...]:
    """Return an exception and what led to it, as far as it fits."""
    found: list[RawFault] = []
    seen: set[int] = set()
    waiting: deque[tuple[BaseException, Link]] = deque([(exception, "")])
    while waiting and len(found) < MAX_CHAIN:
        error, link = waiting.popleft()
        if id(error) in seen:
            continue
        seen.add(id(error))
        if not link or not _is_plumbing(error):
            limit = MAX_FRAMES if not link else CHAIN_FRAMES
            places = _places(error.__traceback__, limit)
            found.append(RawFault(type(error), text_of(error), places, link))
        if error.__cause__ is not None:
            waiting.append((error.__cause__, "cause"))
        elif error.__context__ is not None and not error.__suppress_context__:
            waiting.append((error.__context__, "context"))
        if isinstance(error, BaseExceptionGroup):
            waiting.extend((member, "member") for member in error.exceptions[:3])
    return tuple(found)


def _places(traceback: TracebackType | None, limit: int) -> tuple[Place, ...]:
    places: deque[Place] = deque(maxlen=limit)
    while traceback is not None:
        places.append((traceback.tb_frame.f_code, traceback.tb_lineno))
        traceback = traceback.tb_next
    return tuple(places)


def _is_plumbing(error: BaseException) -> bool:
    """Return whether an exception is how anyio's streams work inside (SENTRY-8)."""
    return type(error).__module__ == "anyio" and type(error).__name__ in (
        "EndOfStream",
        "WouldBlock",
    )


def text_of(value: Any) -> str:
    """Return `str(value)` as far as it can be kept, whatever it does."""
    try:
        if isinstance(value, Exception) and callable(getattr(value, "errors", None)):
            told = _validation_text(value)
            if told:
                return told
        return cut(str.__str__(str(value)))
    except Exception as error:
        return f"<{type(value).__name__}, str raised {type(error).__name__}>"


def _validation_text(error: Any) -> str:
    """Return where and why data was refused; their text would quote the data."""
    module = type(error).__module__
    if module.startswith("pydantic"):
        found = error.errors(
            include_url=False, include_context=False, include_input=False
        )
    elif module.startswith("fastapi"):
        found = error.errors()
    else:
        return ""
    told = []
    for one in found[:20]:
        place = ".".join(str(part)[:64] for part in one["loc"][:8])
        # Not "name: type", which would read like a secret under its name.
        told.append(f"{one['type']} at {place}" if place else one["type"])
    return cut("; ".join(told)) or "invalid"


def cut(text: str) -> str:
    """Return what will be looked at of a text, and how long it was if it is longer."""
    return text if len(text) <= MAX_TEXT + _MARGIN else text[: MAX_TEXT + _MARGIN]


def copied(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values that nobody changes any more; at most `MAX_VALUES`."""
    result: dict[str, Any] = {}
    for name, value in values.items():
        if len(result) >= MAX_VALUES:
            break
        kind = type(value)
        if kind in _PLAIN:
            result[name] = value
        elif kind is str:
            result[name] = cut(value)
        else:
            result[name] = scrub({name: value}).get(name, "…")
    return result


def request_of(exchange: Exchange) -> dict[str, Any]:
    """Return what an exchange knows by now."""
    scope = exchange.scope
    agent = b""
    for name, value in scope.get("headers", ()):
        if name == b"user-agent":
            agent = value[:256]
            break
    return {
        "id": exchange.id,
        "trace_id": exchange.trace_id,
        "span_id": exchange.span_id,
        "kind": exchange.kind,
        "method": exchange.method,
        "route": exchange.resolve_route(),
        "path": exchange.path[:2560],
        "query": scope.get("query_string", b"")[:1024],
        "status": exchange.status,
        "outcome": exchange.outcome if exchange.end is not None else None,
        "duration_ms": round(exchange.duration * 1000, 3),
        "client": exchange.client,
        "user_agent": agent,
    }


def is_captured(exception: BaseException, exchange: Exchange | None) -> bool:
    """Return whether an exception is in the inbox already.

    An application may raise one object again and again: what counts is whether it
    was captured in this exchange.
    """
    try:
        mark = BaseException.__getattribute__(exception, "__dict__").get(_MARK)
    except AttributeError:
        return False
    if mark is None:
        return False
    return exchange is None or mark == (exchange.id, exchange.start)


def mark_captured(exception: BaseException, exchange: Exchange | None) -> None:
    """Remember on an exception that it was captured."""
    mark = _OUTSIDE if exchange is None else (exchange.id, exchange.start)
    # Not `setattr`: a class may refuse, but every exception has a `__dict__`.
    BaseException.__setattr__(exception, _MARK, mark)

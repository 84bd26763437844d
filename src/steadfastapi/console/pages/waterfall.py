"""The spans of one trace, in the order in which they began, each below its parent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MAX_SPANS = 200
MAX_DEPTH = 12
"""Spans further down are drawn at this depth."""
MAX_FACTS = 16
MAX_TEXT = 256
_LEAST = 0.4
"""Per cent of the width that even the shortest span gets, to be seen."""


_one_thread: RunVar[anyio.CapacityLimiter] = RunVar("steadfastapi_waterfall")


class Spans(Protocol):
    """What remembers spans: the handle of the tracing layer."""

    @property
    def ring(self) -> list[Any]:
        """Finished spans, oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One span."""

    id: str
    """16 hex digits."""
    name: str
    kind: str
    depth: int
    left: float
    """Per cent of the trace's time before it began."""
    width: float
    """Per cent of the trace's time that it took."""
    ms: float
    failed: bool
    facts: tuple[tuple[str, str], ...]
    events: tuple[tuple[str, float], ...]
    """Name, and milliseconds since the span began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waterfall:
    """A trace, as far as this worker remembers it."""

    trace_id: str
    ms: float = 0.0
    rows: tuple[Row, ...] = ()
    left_out: int = 0
    """Spans beyond `MAX_SPANS`."""


def waterfall(spans: Spans | None, trace_id: str | None) -> Waterfall | None:
    """Return a trace; None where there is no tracing, or no trace.

    Args:
        spans: What remembers them.
        trace_id: 32 hex digits.
    """
    if spans is None or not trace_id:
        return None
    number = _number(trace_id)
    if number is None:
        return None
    found = [one for one in spans.ring if _is_of(one, number)]
    return of_spans(trace_id, found)


async def asked(spans: Spans | None, trace_id: str | None) -> Waterfall | None:
    """Return the same off the event loop: spans are scrubbed when somebody looks."""
    limiter = _one_thread.get(None)
    if limiter is None:
        limiter = anyio.CapacityLimiter(1)
        _one_thread.set(limiter)
    return await anyio.to_thread.run_sync(waterfall, spans, trace_id, limiter=limiter)


def of_spans(trace_id: str, spans: Iterable[Any]) -> Waterfall:
    """Return the trace that some spans are."""
    found = sorted(spans, key=lambda one: one.start_time)
    if not found:
        return Waterfall(trace_id=trace_id)
    begin = found[0].start_time
    end = max(one.end_time for one in found)
    rows = [
        _row(one, depth, begin, max(1, end - begin))
        for one, depth in _ordered(found)[:MAX_SPANS]
    ]
    return Waterfall(
        trace_id=trace_id,
        ms=_ms(end - begin),
        rows=tuple(rows),
        left_out=max(0, len(found) - MAX_SPANS),
    )


def _is_of(span: Any, trace: int) -> bool:
    complete = span.start_time is not None and span.end_time is not None
    return complete and span.context.trace_id == trace


def _number(trace_id: str) -> int | None:
    try:
        return int(trace_id, 16)
    except ValueError:
        return None


def _ordered(spans: list[Any]) -> list[tuple[Any, int]]:
    """Return spans and their depths, children after their parent."""
    ids = {one.context.span_id for one in spans}
    children: dict[int | None, list[Any]] = {}
    for one in spans:
        parent = one.parent.span_id if one.parent is not None else None
        # A parent in another service, or still running, is nobody's row.
        known = parent if parent in ids and parent != one.context.span_id else None
        children.setdefault(known, []).append(one)
    ordered: list[tuple[Any, int]] = []
    waiting = [(one, 0) for one in reversed(children.pop(None, []))]
    while waiting:
        span, depth = waiting.pop()
        ordered.append((span, min(depth, MAX_DEPTH)))
        below = children.pop(span.context.span_id, [])
        waiting.extend((one, depth + 1) for one in reversed(below))
    # Parents in a circle are nobody's children: better at the end than not at all.
    return ordered + [(one, 0) for rest in children.values() for one in rest]


def _row(span: Any, depth: int, begin: int, whole: int) -> Row:
    width = max(_LEAST, (span.end_time - span.start_time) / whole * 100)
    left = min((span.start_time - begin) / whole * 100, 100 - _LEAST)
    return Row(
        id=f"{span.context.span_id:016x}",
        name=str(span.name)[:MAX_TEXT],
        kind=span.kind.name.lower(),
        depth=depth,
        left=round(left, 2),
        width=round(min(width, 100 - left), 2),
        ms=_ms(span.end_time - span.start_time),
        failed=span.status.status_code.name == "ERROR",
        facts=_facts(span.attributes or {}),
        events=tuple(
            (
                str(one.name)[:MAX_TEXT],
                round((one.timestamp - span.start_time) / 1e6, 3),
            )
            for one in list(span.events)[:MAX_FACTS]
        ),
    )


def _facts(attributes: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (str(name)[:MAX_TEXT], str(value)[:MAX_TEXT])
        for name, value in list(attributes.items())[:MAX_FACTS]
    )


def _ms(nanoseconds: int) -> float:
    return round(nanoseconds / 1e6, 3)

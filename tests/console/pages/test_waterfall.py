"""The spans of a trace, one below the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from steadfastapi.console.pages.waterfall import (
    MAX_DEPTH,
    MAX_SPANS,
    of_spans,
    waterfall,
)


@dataclass
class Remembered:
    """What remembers spans."""

    ring: list[Any] = field(default_factory=list)


def recorded(depth: int = 2) -> tuple[str, Remembered]:
    """Return the id of a trace, and its spans as they ended: innermost first."""
    kept = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracer = provider.get_tracer("t")
    spans = []
    with tracer.start_as_current_span("GET /pay") as root:
        identity = f"{root.get_span_context().trace_id:032x}"
        with tracer.start_as_current_span("SELECT", attributes={"db": "x" * 999}) as s:
            s.set_status(StatusCode.ERROR)
            s.add_event("retry")
        for _ in range(depth - 1):
            spans.append(tracer.start_as_current_span("deeper"))
            spans[-1].__enter__()
        for span in reversed(spans):
            span.__exit__(None, None, None)
    return identity, Remembered(list(kept.get_finished_spans()))


def test_children_stand_below_their_parents() -> None:
    """In the order in which they began."""
    identity, spans = recorded()

    found = waterfall(spans, identity)

    assert found is not None
    rows = [(one.name, one.depth) for one in found.rows]
    assert [("GET /pay", 0), ("SELECT", 1), ("deeper", 1)] == rows
    root, select, _ = found.rows
    assert (0.0, 100.0) == (root.left, root.width)
    assert select.failed
    assert ["retry"] == [name for name, _ in select.events]
    assert 256 == len(dict(select.facts)["db"])
    assert all(0 <= one.left and one.left + one.width <= 100.01 for one in found.rows)


def test_other_traces_are_left_out() -> None:
    """Whatever the id looks like."""
    _, spans = recorded()

    for identity in ("0" * 32, "f" * 32):
        found = waterfall(spans, identity)
        assert found is not None
        assert () == found.rows
    assert waterfall(spans, "no hex") is None
    assert waterfall(spans, None) is None
    assert waterfall(None, "f" * 32) is None


def test_spans_without_their_parent_are_roots() -> None:
    """It runs in another service, or the ring has forgotten it."""
    identity, spans = recorded()
    spans.ring = [one for one in spans.ring if one.name != "GET /pay"]

    found = waterfall(spans, identity)

    assert found is not None
    assert [0, 0] == [one.depth for one in found.rows]


def test_depth_and_number_are_bounded() -> None:
    """The rest is counted."""
    identity, spans = recorded(depth=MAX_SPANS + 10)

    found = waterfall(spans, identity)

    assert found is not None
    assert MAX_SPANS == len(found.rows)
    assert 11 == found.left_out
    assert MAX_DEPTH == max(one.depth for one in found.rows)


def test_no_spans_are_an_empty_trace() -> None:
    """Its id is shown all the same."""
    assert ("a" * 32, (), 0.0) == (
        of_spans("a" * 32, []).trace_id,
        of_spans("a" * 32, []).rows,
        of_spans("a" * 32, []).ms,
    )

"""What never reached its backend is counted, whichever backend that was."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from sentry.harness import answer, sentried
from steadfastapi._counts import counts
from steadfastapi.alerts.tally import LOST, Tally
from steadfastapi.sentry import client
from steadfastapi.signals import TELEMETRY_DROPPED, Family
from steadfastapi.tracing import exporter
from steadfastapi.tracing.exporter import Export
from support.spans import traced

Lost = Counter[tuple[str, ...]]


@pytest.fixture
def lost() -> Iterator[Lost]:
    """What is counted as dropped, by sink and reason."""
    heard: Lost = Counter()

    def hear(family: Family, labels: tuple[str, ...], value: float) -> None:
        if family is TELEMETRY_DROPPED:
            heard[labels] += int(value)

    leave = counts.subscribe(hear)
    yield heard
    leave()


class Refusing(SpanExporter):
    """Delivers nothing."""

    def export(self, spans: Any) -> SpanExportResult:
        """Refuse."""
        return SpanExportResult.FAILURE


def test_spans_that_nobody_took(lost: Lost, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a full queue, a collector's refusal, and the end of the process."""
    monkeypatch.setattr(exporter, "SCHEDULE_DELAY", 60_000.0)
    stack = traced(exporter=Refusing())
    tracer = stack.tracing.provider.get_tracer("test")
    tracer.start_span("first").end()
    assert not stack.tracing.force_flush(5)
    assert {("otlp_traces", "error"): 1} == dict(lost)

    export = Export(Refusing)
    span: Any = tracer.start_span("more")
    span.end()
    export.accept(span)
    monkeypatch.setattr(exporter, "MAX_QUEUE", 1)
    export.accept(span)
    assert 1 == lost["otlp_traces", "queue_full"]
    export.close()
    assert 1 == lost["otlp_traces", "shutdown"]


def test_events_that_sentry_did_not_take(lost: Lost) -> None:
    """An answer that refuses, and a queue that is full."""
    with sentried() as (app, receiver):
        receiver.respond_with(500)
        app.get("/crash")(lambda: 1 / 0)
        answer(app, "GET", "/crash")
        assert not client.flush(5)
        # The SDK's report of what it lost is refused as well.
        assert 1 <= lost["sentry", "error"] <= 2

        found: Any = client.found()
        found.transport.on_dropped_event("full_queue")
        assert 1 == lost["sentry", "queue_full"]


def test_alerts_that_nobody_got(lost: Lost) -> None:
    """Those that should have been told; a repeated one is no loss."""
    tally = Tally("hook")
    for reason in LOST:
        tally.drop(reason)
    tally.drop("duplicate")

    assert {
        ("webhook", "queue_full"): 1,
        ("webhook", "error"): 2,
        ("webhook", "shutdown"): 1,
    } == dict(lost)

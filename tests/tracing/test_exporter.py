"""The queue, the exporter behind it, and honest answers."""

import logging
import threading
import time
from collections.abc import Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from steadfastapi import Stack, _export
from steadfastapi._export import MAX_BATCH, MAX_QUEUE, quieten, within
from steadfastapi.tracing import exporter
from steadfastapi.tracing.exporter import Export
from support.faults import refused_port
from support.otlp import OtlpReceiver
from support.spans import ask, traced


class Gate(SpanExporter):
    """Exports nothing until it is opened."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.entered = threading.Event()
        self.spans: list[ReadableSpan] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Wait, then take the spans."""
        self.entered.set()
        self.open.wait(10)
        self.spans.extend(spans)
        return SpanExportResult.SUCCESS


def finish(stack: Stack, count: int) -> None:
    """Make finished spans, faster than by requests."""
    tracer = stack.tracing.provider.get_tracer("test")
    for number in range(count):
        tracer.start_span(str(number)).end()


def test_the_queue_is_bounded_and_the_count_of_the_dropped_exact() -> None:
    """Accepted is sent plus dropped, once the exporter runs again (NB-7)."""
    gate = Gate()
    stack = traced(exporter=gate)
    finish(stack, MAX_QUEUE)
    assert gate.entered.wait(5)
    finish(stack, 2 * MAX_QUEUE)
    waiting = 3 * MAX_QUEUE - stack.tracing.dropped
    gate.open.set()
    assert stack.tracing.force_flush(5)
    assert 3 * MAX_QUEUE == len(gate.spans) + stack.tracing.dropped
    assert len(gate.spans) == waiting <= MAX_QUEUE + MAX_BATCH


def test_delivery_comes_back_after_a_repair(monkeypatch: pytest.MonkeyPatch) -> None:
    """A collector that starts late gets what still waits, without a new request."""
    monkeypatch.setattr(exporter, "SCHEDULE_DELAY", 100.0)
    with refused_port() as port:
        stack = traced(endpoint=f"http://127.0.0.1:{port}")
        finish(stack, 1)
        assert not stack.tracing.force_flush(0.2)
    with OtlpReceiver(port) as collector:
        finish(stack, 1)
        collector.wait_for(1, timeout=10)


def test_a_refused_batch_is_dropped_and_the_answer_says_so() -> None:
    """The SDK's own flush would say True."""
    with OtlpReceiver() as collector:
        collector.respond_with(400)
        stack = traced(endpoint=collector.endpoint)
        finish(stack, 2)
        assert not stack.tracing.force_flush(5)
        assert 2 == stack.tracing.dropped
        collector.respond_with(200)
        finish(stack, 1)
        assert stack.tracing.force_flush(5)
    assert 2 == stack.tracing.dropped


def test_unsampled_spans_are_not_queued() -> None:
    """Nor is a thread started for them."""
    stack = traced(ratio=0.0, exporter=Gate())
    ask(stack, "/hello/ada")
    assert stack.tracing.force_flush(0.0)
    assert 0 == stack.tracing.dropped


def test_a_process_that_only_prepares_has_no_thread() -> None:
    """It starts with the first span, so that a parent forks without threads."""
    before = set(threading.enumerate())
    stack = traced(exporter=Gate())
    assert set() == set(threading.enumerate()) - before
    finish(stack, 1)
    (started,) = set(threading.enumerate()) - before
    assert started.daemon


def test_the_variables_of_the_sdk_win(monkeypatch: pytest.MonkeyPatch) -> None:
    """`OTEL_BSP_SCHEDULE_DELAY` and the timeout are the operator's."""
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "30")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    with OtlpReceiver() as collector:
        stack = traced(endpoint=collector.endpoint)
        start = time.monotonic()
        finish(stack, 1)
        collector.wait_for(1)
    assert time.monotonic() - start < exporter.SCHEDULE_DELAY / 1000


def test_a_closed_export_takes_no_more() -> None:
    """After a reset in a test-suite nothing arrives late."""
    gate = Gate()
    gate.open.set()
    export = Export(lambda: gate)
    export.close()
    assert SpanExportResult.FAILURE is export._exporter.export([])
    assert not gate.entered.is_set()


def test_within_is_about_the_answer_and_the_time() -> None:
    """True only for a True that comes in time."""
    never = threading.Event()
    assert within(5, lambda: True, "test")
    assert not within(5, lambda: False, "test")
    assert not within(0.01, lambda: never.wait(5), "test")
    never.set()


def test_a_collector_that_is_down_is_no_flood_of_lines(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each kind of message passes once in the interval."""
    logger = logging.getLogger("test.exporter")
    quieten(logger)
    quieten(logger)
    for _ in range(3):
        logger.warning("down: %s", "now")
        logger.warning("other")
    assert 1 == len(logger.filters)
    assert ["down: now", "other"] == caplog.messages
    monkeypatch.setattr(_export, "LOG_INTERVAL", 0.0)
    logger.warning("other")
    assert ["down: now", "other", "other"] == caplog.messages

"""What happens to each span in this process."""

import time

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from steadfastapi.tracing import processors
from support.faults import BlackHole
from support.otlp import OtlpReceiver
from support.spans import ask, attributes, own_provider, traced


class Notes(SpanProcessor):
    """Remembers what it was given."""

    def __init__(self) -> None:
        self.started: list[dict[str, object]] = []
        self.ended: list[ReadableSpan] = []
        self.calls: list[str] = []

    def on_start(self, span: Span, parent_context: object = None) -> None:
        """Copy the attributes of a starting span."""
        self.started.append(attributes(span))

    def on_end(self, span: ReadableSpan) -> None:
        """Keep a finished span."""
        self.ended.append(span)

    def shutdown(self) -> None:
        """Note it."""
        self.calls.append("shutdown")

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Note it."""
        self.calls.append("force_flush")
        return True


def test_a_processor_of_the_user_gets_scrubbed_spans() -> None:
    """At their start and at their end; the same object that the ring has."""
    notes = Notes()
    stack = traced(processors=[notes])
    ask(stack, "/hello/ada?token=hunter2hunter2")
    assert "hunter2" not in f"{notes.started}{[attributes(s) for s in notes.ended]}"
    assert notes.ended == stack.tracing.ring
    assert stack.tracing.force_flush(1)
    assert ["force_flush"] == notes.calls


def test_a_processor_can_be_added_later() -> None:
    """As other libraries do with the global provider."""
    notes = Notes()
    stack = traced()
    provider = trace.get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    provider.add_span_processor(notes)
    ask(stack, "/hello/ada")
    assert 1 == len(notes.ended)


def test_a_second_exporter_to_the_same_place_is_left_out() -> None:
    """FastAPI's automatic export would deliver every span twice."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    with OtlpReceiver() as collector:
        stack = traced(endpoint=collector.endpoint)
        same = OTLPSpanExporter(f"{collector.endpoint}/v1/traces")
        other = InMemorySpanExporter()
        provider = trace.get_tracer_provider()
        assert isinstance(provider, TracerProvider)
        theirs = BatchSpanProcessor(same)
        provider.add_span_processor(theirs)
        provider.add_span_processor(SimpleSpanProcessor(other))
        ask(stack, "/hello/ada")
        assert provider.force_flush()
        theirs.shutdown()  # type: ignore[no-untyped-call]
        assert (1, 1) == (len(collector.spans()), len(other.get_finished_spans()))


def test_a_shutdown_of_the_provider_has_a_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever calls it: the SDK's own takes 30 s when the collector is silent."""
    monkeypatch.setattr(processors, "SHUTDOWN_DEADLINE", 0.2)
    notes = Notes()
    with BlackHole() as collector:
        endpoint = f"http://127.0.0.1:{collector.port}"
        stack = traced(endpoint=endpoint, processors=[notes])
        ask(stack, "/hello/ada")
        provider = stack.tracing.provider
        assert isinstance(provider, TracerProvider)
        start = time.monotonic()
        assert not provider.force_flush(200)
        assert time.monotonic() - start < 2
        provider.shutdown()
        assert time.monotonic() - start < 4
    assert "shutdown" in notes.calls


def test_a_foreign_provider_gets_our_scrubbing_and_feeds_the_ring() -> None:
    """Its own exporter sees no query value; the ring holds the scrubbed span."""
    with own_provider() as (provider, exporter):
        trace.set_tracer_provider(provider)
        stack = traced()
        ask(stack, "/hello/ada?token=hunter2hunter2")
    assert 1 == len(stack.tracing.ring)
    spans = [*exporter.get_finished_spans(), *stack.tracing.ring]
    assert "hunter2" not in str([attributes(span) for span in spans])

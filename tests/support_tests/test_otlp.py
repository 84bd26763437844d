"""What the OpenTelemetry collector promises."""

from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

from support.otlp import OtlpReceiver


def provider(receiver: OtlpReceiver) -> TracerProvider:
    """Build a provider that sends each span at once."""
    built = TracerProvider(resource=Resource({"service.name": "shop"}))
    exporter = OTLPSpanExporter(
        endpoint=f"{receiver.endpoint}/v1/traces", compression=Compression.Gzip
    )
    built.add_span_processor(SimpleSpanProcessor(exporter))
    return built


def test_spans_of_the_real_exporter_arrive_whole() -> None:
    """Every part of a span survives the wire."""
    with OtlpReceiver() as receiver:
        tracing = provider(receiver)
        tracer = tracing.get_tracer("tests")
        with tracer.start_as_current_span("parent") as parent:
            context = parent.get_span_context()
            with tracer.start_as_current_span(
                "child",
                kind=SpanKind.CLIENT,
                attributes={"flag": True, "many": [1, 2], "text": "ä"},
                links=[Link(context, {"why": "test"})],
            ) as span:
                span.add_event("tick", {"n": 1})
                span.set_status(Status(StatusCode.ERROR, "broken"))
        child, outer = receiver.wait_for(2)
        tracing.shutdown()

    assert ("child", "CLIENT", "tests") == (child.name, child.kind, child.scope)
    assert outer.trace_id == child.trace_id == f"{context.trace_id:032x}"
    assert ("", outer.span_id) == (outer.parent_span_id, child.parent_span_id)
    assert {"flag": True, "many": [1, 2], "text": "ä"} == child.attributes
    assert ("ERROR", "broken") == (child.status_code, child.status_message)
    assert [("tick", {"n": 1})] == child.events
    assert [(outer.trace_id, outer.span_id, {"why": "test"})] == child.links
    assert {"service.name": "shop"} == child.resource
    assert [outer] == receiver.spans("parent")
    assert "broken" in receiver.raw()


def test_refused_spans_are_seen_but_not_kept() -> None:
    """A refused batch counts as a request only."""
    with OtlpReceiver() as receiver:
        receiver.respond_with(400)
        tracing = provider(receiver)
        tracing.get_tracer("tests").start_span("lost").end()
        tracing.shutdown()

    assert [] == receiver.spans()
    assert 1 == receiver.requests
    assert "lost" in receiver.raw()

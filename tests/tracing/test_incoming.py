"""Traces of their own for requests from outside."""

from opentelemetry import trace
from opentelemetry.trace import SpanKind

from support.spans import ask, own_provider, servers, traced

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_a_linked_request_is_a_root_that_knows_its_caller() -> None:
    """Spans inside of it belong to the new trace."""
    stack = traced(incoming="link")
    app = stack.plan.app

    @app.get("/inner")
    async def inner() -> None:
        with trace.get_tracer("test").start_as_current_span("inside"):
            pass

    ask(stack, "/inner", headers=[("traceparent", PARENT)])
    inside, server = stack.tracing.ring
    assert server.parent is None
    assert [PARENT.split("-")[1]] == [
        f"{link.context.trace_id:032x}" for link in server.links
    ]
    assert inside.context.trace_id == server.context.trace_id


def test_without_a_caller_there_is_no_link() -> None:
    """Nor with a header that is no traceparent."""
    stack = traced(incoming="link")
    ask(stack, "/hello/ada")
    ask(stack, "/hello/ada", headers=[("traceparent", "nonsense")])
    assert [(None, 0)] * 2 == [(s.parent, len(s.links)) for s in stack.tracing.ring]


def test_a_foreign_provider_links_too() -> None:
    """The choice is about requests, whoever exports."""
    with own_provider() as (provider, exporter):
        trace.set_tracer_provider(provider)
        stack = traced(incoming="link")
        ask(stack, "/hello/ada", headers=[("traceparent", PARENT)])
    (span,) = exporter.get_finished_spans()
    assert (None, 1) == (span.parent, len(span.links))


def test_only_server_spans_are_cut_off() -> None:
    """Operation spans and a consumer's spans follow their parents."""
    stack = traced(incoming="link", operation_spans=True)
    ask(stack, "/hello/ada", headers=[("traceparent", PARENT)])
    ring = stack.tracing.ring
    assert 1 == len(servers(ring))
    assert 1 == len({span.context.trace_id for span in ring})
    assert all(span.parent for span in ring if span.kind is not SpanKind.SERVER)

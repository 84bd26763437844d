"""Server spans of our own: light while untouched, and the SDK's in all that shows."""

import json
import threading
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from fastapi import FastAPI, HTTPException, WebSocket
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.trace import Link, Span, SpanContext, StatusCode, TraceFlags
from starlette.responses import Response

from steadfastapi import Stack, testing
from steadfastapi.tracing import light_span
from support.asgi import call_websocket
from support.spans import ask, attributes, traced

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
REMOTE = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1))


def current() -> Span:
    """Return the span of the request that is served."""
    return trace.get_current_span()


TOUCHES: dict[str, Callable[[], Any]] = {
    "an attribute": lambda: current().set_attribute("shop.cart", 3),
    "attributes": lambda: current().set_attributes({"shop.cart": (3, 4)}),
    "an event": lambda: current().add_event("packed", {"boxes": 2}),
    "a link": lambda: current().add_link(REMOTE, {"why": "batch"}),
    "a name": lambda: current().update_name("checkout"),
    "a status": lambda: current().set_status(StatusCode.ERROR, "sold out"),
    "an exception": lambda: current().record_exception(KeyError("x")),
    "a look at its name": lambda: getattr(current(), "name"),  # noqa: B009
    "an early end": lambda: current().end(),
}


def application() -> FastAPI:
    """Return routes for every way in which a request ends."""
    app = FastAPI()

    @app.get("/touch/{what}")
    async def touch(what: str) -> None:
        TOUCHES[what]()

    @app.get("/conflict")
    async def conflict() -> None:
        raise HTTPException(409, "taken")

    @app.get("/broken")
    async def broken() -> Response:
        return Response(status_code=503)

    @app.get("/crash")
    async def crash() -> None:
        raise LookupError("lost")

    @app.websocket("/ws")
    async def ws(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close()

    return app


class Nothing(SpanProcessor):
    """A processor: it is promised every span, so that the SDK makes them."""


def shown(span: ReadableSpan) -> dict[str, Any]:
    """Return all that a span says but for ids and times."""
    found: dict[str, Any] = json.loads(span.to_json())
    del found["start_time"], found["end_time"]
    del found["context"]["trace_id"], found["context"]["span_id"]
    for event in found["events"]:
        del event["timestamp"]
        event["attributes"].pop("exception.stacktrace", None)
    return found | {"scope": span.instrumentation_scope, "dropped": _dropped(span)}


def _dropped(span: ReadableSpan) -> tuple[int, int, int]:
    return span.dropped_attributes, span.dropped_events, span.dropped_links


def both(send: Callable[[Stack], object], **settings: Any) -> list[dict[str, Any]]:
    """Return what the two kinds of spans say of the same requests."""
    found = []
    for processors in ((), (Nothing(),)):
        stack = traced(application(), processors=processors, **settings)
        send(stack)
        found.append([shown(span) for span in stack.tracing.ring])
        testing.reset()
    light, sdk = found
    assert light
    return [*light, {}, *sdk]


def assert_same(found: list[dict[str, Any]]) -> None:
    """Compare the two halves."""
    middle = found.index({})
    assert found[middle + 1 :] == found[:middle]


@pytest.mark.parametrize(
    "path",
    ["/hello/ada", "/hello/ada?token=1", "/nowhere", "/conflict", "/broken", "/crash"],
)
def test_it_says_what_the_sdks_span_says(path: str) -> None:
    """Name, attributes in their order, status, events, resource, scope."""
    assert_same(both(lambda stack: ask(stack, path)))


@pytest.mark.parametrize("what", TOUCHES)
def test_touched_it_says_what_the_sdks_span_says(what: str) -> None:
    """Whatever the application adds is there, and ours as well."""
    assert_same(both(lambda stack: ask(stack, f"/touch/{what}")))


def test_a_websocket_says_what_the_sdks_span_says() -> None:
    """Handshake and close are no HTTP response."""
    assert_same(
        both(lambda stack: anyio.run(lambda: call_websocket(stack.plan.app, "/ws")))
    )


def test_a_remote_parent_is_the_same_for_both() -> None:
    """Its trace goes on, with the state that came along."""
    headers = [("traceparent", PARENT), ("tracestate", "vendor=1")]
    assert_same(both(lambda stack: ask(stack, "/hello/ada", headers=headers)))


def test_an_untouched_request_needs_no_span_of_the_sdk(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """That is what it saves."""
    made: list[object] = []
    monkeypatch.setattr(light_span, "_Touched", made.append)
    stack = traced(application())
    ask(stack, "/hello/ada", "/conflict", "/nowhere")
    assert [] == made
    assert 3 == len(stack.tracing.ring)


def test_a_span_is_one_object_of_one_identity_from_start_to_end() -> None:
    """Before a touch and after it, and in what is remembered."""
    app = FastAPI()
    seen: list[SpanContext] = []

    @app.get("/")
    async def root() -> None:
        seen.append(current().get_span_context())
        current().set_attribute("touched", True)
        seen.append(current().get_span_context())

    stack = traced(app)
    ask(stack, "/")
    (span,) = stack.tracing.ring
    assert [span.context] * 2 == seen


def test_after_the_end_a_touch_changes_nothing() -> None:
    """A task that outlives its request may still hold the span."""
    app = FastAPI()
    held: list[Any] = []
    app.add_api_route("/", lambda: held.append(current()))
    stack = traced(app)
    ask(stack, "/")
    (span,) = held
    span.set_attribute("late", True)
    span.update_name("late")
    span.end()
    assert not span.is_recording()
    assert "GET /" == span.name
    (kept,) = stack.tracing.ring
    assert ("GET /", False) == (kept.name, "late" in attributes(kept))


def test_threads_that_touch_at_once_touch_the_same_span() -> None:
    """Sync code of one request runs in several threads."""
    app = FastAPI()
    barrier = threading.Barrier(8)

    def touch(span: Span, number: int) -> None:
        barrier.wait(5)
        span.set_attribute(f"thread.{number}", number)

    @app.get("/")
    async def root() -> None:
        span = current()
        threads = [
            threading.Thread(target=touch, args=(span, number)) for number in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(5)

    stack = traced(app)
    ask(stack, "/")
    (span,) = stack.tracing.ring
    assert list(range(8)) == sorted(
        value for name, value in attributes(span).items() if name.startswith("thread.")
    )


def test_a_processor_that_is_added_later_gets_the_whole_span() -> None:
    """From the next request on it is announced and ended, by the SDK."""

    class Recorder(SpanProcessor):
        def __init__(self) -> None:
            self.moments: list[str] = []

        def on_start(self, span: Any, parent_context: Any = None) -> None:
            self.moments.append(f"start {span.name}")

        def on_end(self, span: ReadableSpan) -> None:
            self.moments.append(f"end {span.name}")

    stack = traced()
    ask(stack, "/hello/ada")
    recorder = Recorder()
    provider: Any = stack.tracing.provider
    provider.add_span_processor(recorder)
    ask(stack, "/hello/ada")
    assert ["start GET", "end GET /hello/{name}"] == recorder.moments


@pytest.mark.parametrize(
    "variable", ["OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT"]
)
def test_limits_of_the_operator_are_the_sdks_to_keep(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK makes all spans then."""
    monkeypatch.setenv(variable, "2")
    stack = traced()
    ask(stack, "/hello/ada")
    (span,) = stack.tracing.ring
    assert 2 == len(attributes(span))


def test_a_long_path_is_cut_before_it_waits() -> None:
    """The queue of the exporter is bounded in bytes, too."""
    stack = traced()
    ask(stack, "/hello/" + "a" * 100_000)
    (span,) = stack.tracing.ring
    assert len(str(attributes(span)["url.path"])) <= 9_000


def test_links_may_be_given_by_anyone() -> None:
    """As with every span."""
    app = FastAPI()
    app.add_api_route("/", lambda: current().add_link(REMOTE))
    stack = traced(app)
    ask(stack, "/")
    (span,) = stack.tracing.ring
    assert [Link(REMOTE).context] == [link.context for link in span.links]

"""One server span per request, in every generation of FastAPI."""

from typing import Any

import anyio
import fastapi
import pytest
from fastapi import FastAPI, WebSocket
from opentelemetry import propagate, trace
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.trace import SpanKind, StatusCode

from steadfastapi.testing import internal_errors
from steadfastapi.tracing.native import Excluded
from steadfastapi.tracing.provider import forget_global
from support.asgi import call, call_websocket
from support.spans import NATIVE, ask, attributes, exceptions, servers, traced

native = pytest.mark.skipif(not NATIVE, reason="FastAPI 0.142 and newer")


def test_a_websocket_is_one_span() -> None:
    """From the handshake to the close, by its route."""
    app = FastAPI()

    @app.websocket("/ws/{room}")
    async def ws(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(await websocket.receive_text())

    stack = traced(app)
    anyio.run(lambda: call_websocket(app, "/ws/1", incoming=["hello"]))
    (span,) = stack.tracing.ring
    assert ("WS /ws/{room}", SpanKind.SERVER) == (span.name, span.kind)


def test_an_unknown_method_is_a_closed_name() -> None:
    """The client chooses the method, and must not choose names."""
    stack = traced()

    anyio.run(lambda: call(stack.plan.app, "BREW", "/hello/ada"))
    assert ["HTTP /hello/{name}"] == servers(stack.tracing.ring)


def test_a_remote_parent_is_continued() -> None:
    """The trace goes on, the caller's span is the parent."""
    stack = traced()
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
    ask(stack, "/hello/ada", headers=[("traceparent", parent)])
    (span,) = stack.tracing.ring
    assert span.parent is not None
    assert f"{span.context.trace_id:032x}-{span.parent.span_id:016x}" in parent


def test_a_call_from_a_request_carries_our_decision() -> None:
    """What goes out is the server span, not what came in."""
    app = FastAPI()

    @app.get("/out")
    async def out() -> dict[str, str]:
        carrier: dict[str, str] = {}
        propagate.inject(carrier)
        return carrier

    stack = traced(app, ratio=0.0)
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    (answer,) = ask(stack, "/out", headers=[("traceparent", parent)])
    assert b"4bf92f3577b34da6a3ce929d0e0e4736" in answer.body
    assert b'-00"' in answer.body


def test_root_path_is_no_part_of_the_route() -> None:
    """`http.route` is what logs and metrics say (ROUTE-9)."""
    app = FastAPI()
    mounted = FastAPI()
    mounted.add_api_route("/c/{z}", lambda z: z)
    app.mount("/m", mounted)
    stack = traced(app)
    ask(stack, "/api/hello/ada", "/api/m/c/1", scope={"root_path": "/api"})
    assert [
        ("GET /hello/{name}", "/hello/{name}"),
        ("GET /m/c/{z}", "/m/c/{z}"),
    ] == [(span.name, attributes(span)["http.route"]) for span in stack.tracing.ring]


def test_a_tracing_middleware_of_the_application_stays_the_only_one() -> None:
    """Contrib's, added by hand: no second server span, also not in a mount."""
    app, mounted = FastAPI(), FastAPI()
    mounted.add_api_route("/c/{z}", lambda z: z)
    app.mount("/m", mounted)
    stack = traced(app)
    app.add_middleware(OpenTelemetryMiddleware, exclude_spans=["send", "receive"])
    ask(stack, "/m/c/1")
    assert ["GET /m/c/{z}"] == servers(stack.tracing.ring)


@native
def test_an_exclusion_of_the_user_is_kept() -> None:
    """Beside the quiet paths."""
    app: Any = FastAPI(
        telemetry={"exclude": lambda scope: scope["path"].startswith("/hello/p")}
    )
    stack = traced(app)
    ask(stack, "/hello/private", "/health", "/hello/ada")
    assert ["/hello/ada"] == [attributes(s)["url.path"] for s in stack.tracing.ring]


def test_an_exclusion_that_raises_excludes_nothing() -> None:
    """It is counted; the request is traced and served."""
    stack = traced()

    def broken(scope: object) -> bool:
        raise UnicodeError("broken")

    excluded = Excluded(stack.plan, broken)
    with internal_errors() as errors:
        assert not excluded({"path": "/hello"})
    assert {"tracing.exclude": 1} == dict(errors)


def test_an_excluded_request_runs_without_a_span() -> None:
    """Nor does it take over the span of a request around it."""
    seen: list[bool] = []
    app = FastAPI()

    @app.get("/health")
    async def health() -> None:
        seen.append(trace.get_current_span().get_span_context().is_valid)

    stack = traced(app)
    ask(stack, "/health")
    assert ([False], []) == (seen, stack.tracing.ring)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        (b"shop.example:8443", ("shop.example", 8443)),
        (b"shop.example", ("shop.example", 80)),
        (b"[::1]:8000", ("::1", 8000)),
        (b"ghp_hunter2hunter2hunter2.example", ("[redacted].example", 80)),
        (b"\xff\\", (None, None)),
        (b"a:b:c", (None, None)),
        (b"user@shop.example", (None, None)),
        (b"a" * 300, (None, None)),
    ],
)
def test_the_server_is_what_the_host_header_says(
    host: bytes, expected: tuple[Any, Any]
) -> None:
    """One that is malformed costs two attributes, and not the span."""
    stack = traced()
    (answer,) = ask(stack, "/hello/ada", headers=[("host", host)])
    (span,) = stack.tracing.ring
    found = attributes(span)
    assert 200 == answer.status
    assert expected == (found.get("server.address"), found.get("server.port"))


def test_the_span_says_what_was_asked_and_answered() -> None:
    """In the words of OpenTelemetry's conventions, query values masked."""
    stack = traced()
    ask(stack, "/hello/ada?token=abc&page=2", headers=[("host", "shop")])
    (span,) = stack.tracing.ring
    assert {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.route": "/hello/{name}",
        "network.protocol.version": "1.1",
        "server.address": "shop",
        "server.port": 80,
        "url.path": "/hello/ada",
        "url.query": attributes(span)["url.query"],
        "url.scheme": "http",
    } == attributes(span)
    assert "abc" not in attributes(span)["url.query"]


def test_a_name_that_the_application_gave_stays() -> None:
    """Only the first name is replaced by method and route."""
    app = FastAPI()

    @app.get("/named")
    async def named() -> None:
        trace.get_current_span().update_name("checkout")

    stack = traced(app)
    ask(stack, "/named")
    assert ["checkout"] == servers(stack.tracing.ring)


def test_a_mounted_application_that_is_configured_too_adds_no_span() -> None:
    """The outer one has made it."""
    app, mounted = FastAPI(), FastAPI()
    inner = traced(mounted)
    app.mount("/m", mounted)
    stack = traced(app)
    ask(stack, "/m/hello/ada")
    assert ["GET /m/hello/{name}"] == servers(stack.tracing.ring)
    assert stack.tracing.provider is inner.tracing.provider


@native
def test_a_span_of_fastapi_around_is_adopted() -> None:
    """A configured application mounted in a traced one that is not configured."""
    mounted: Any = FastAPI()
    stack = traced(mounted)
    around: Any = FastAPI(telemetry={"tracer_provider": stack.tracing.provider})
    around.mount("/m", mounted)
    anyio.run(lambda: call(around, path="/m/hello/ada"))
    assert 1 == len(servers(stack.tracing.ring))


@native
def test_the_operations_of_fastapi_are_spans_where_they_are_wanted() -> None:
    """Then FastAPI makes the server span too, and still only one."""
    stack = traced(operation_spans=True)
    ask(stack, "/hello/ada")
    ring = stack.tracing.ring
    assert (["GET /hello/{name}"], True) == (servers(ring), len(ring) > 1)


@native
def test_the_metrics_of_fastapi_go_on() -> None:
    """They are the application's choice, with the route of all other records."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    app: Any = FastAPI(telemetry={"meter_provider": provider})
    mounted = FastAPI()
    mounted.add_api_route("/c/{z}", lambda z: z)
    app.mount("/m", mounted)
    stack = traced(app)
    ask(stack, "/m/c/1")
    data = reader.get_metrics_data()
    assert data is not None
    assert ["GET /m/c/{z}"] == servers(stack.tracing.ring)
    assert '"http.route": "/m/c/{z}"' in data.to_json()


@native
def test_tracing_that_the_application_switched_off_stays_off() -> None:
    """`FastAPI(telemetry={"tracing": False})` is an answer, and the plan says so."""
    options: Any = {"telemetry": {"tracing": False}}
    stack = traced(FastAPI(**options))
    ask(stack, "/hello/ada")
    assert [] == stack.tracing.ring
    assert 'telemetry={"tracing": False}' in str(stack)


@native
def test_automatic_export_of_the_first_generation_is_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """0.142 exported unasked; from 0.143 on it is a choice that stays."""
    monkeypatch.setattr(fastapi, "__version__", "0.142.1")
    app: Any = FastAPI(telemetry={"auto_configure": True})
    traced(app)
    assert app._telemetry["auto_configure"] is False
    monkeypatch.setattr(fastapi, "__version__", "0.150.0")
    app = FastAPI(telemetry={"auto_configure": True})
    traced(app)
    assert app._telemetry["auto_configure"] is True


def test_a_middleware_of_contrib_inside_of_a_nested_request_keeps_to_itself() -> None:
    """The span of the request that waits is not renamed, nor marked as failed."""
    inner = FastAPI()

    @inner.get("/inner/{x}")
    def fail(x: str) -> None:
        raise ValueError(x)

    traced(inner)
    inner.add_middleware(OpenTelemetryMiddleware, exclude_spans=["send", "receive"])
    outer = FastAPI()

    @outer.get("/outer")
    async def call_inner() -> None:
        await call(inner, path="/inner/1")

    stack = traced(outer)
    ask(stack, "/outer")
    names = {span.name: span.status.status_code for span in stack.tracing.ring}
    # Contrib makes an internal span of a request inside of another, and names it.
    assert {"GET /outer": StatusCode.UNSET, "GET /inner/1": StatusCode.ERROR} == names


def test_a_middleware_of_contrib_inside_has_our_route_and_our_errors() -> None:
    """Its span starts after the exchange, and is adopted when it is met."""
    app = FastAPI()

    @app.get("/crash")
    def crash() -> None:
        raise ValueError("boom")

    stack = traced(app)
    app.add_middleware(OpenTelemetryMiddleware, exclude_spans=["send", "receive"])
    ask(stack, "/crash", "/nowhere/1")
    crashed, unmatched = stack.tracing.ring
    assert ("GET /crash", ["ValueError"]) == (crashed.name, exceptions(crashed))
    assert "GET" == unmatched.name


def test_a_wrapper_around_the_application_has_made_the_span() -> None:
    """It is adopted: one server span, with our route, in one trace."""
    stack = traced()
    wrapped = OpenTelemetryMiddleware(stack.plan.app, exclude_spans=["send", "receive"])
    anyio.run(lambda: call(wrapped, path="/hello/ada"))
    assert ["GET /hello/{name}"] == servers(stack.tracing.ring)


def test_a_span_of_the_bare_api_is_ended() -> None:
    """OpenTelemetry's API promises neither its name nor its attributes."""
    ended = []

    class ApiSpan(trace.NonRecordingSpan):
        def is_recording(self) -> bool:
            return True

        def end(self, end_time: int | None = None) -> None:
            ended.append(True)

    class ApiTracer(trace.NoOpTracer):
        def start_span(self, *_: Any, **__: Any) -> trace.Span:
            return ApiSpan(trace.INVALID_SPAN_CONTEXT)

    class ApiProvider(trace.TracerProvider):
        def get_tracer(self, *_: Any, **__: Any) -> trace.Tracer:
            return ApiTracer()

    trace.set_tracer_provider(ApiProvider())
    try:
        stack = traced()
        (answer,) = ask(stack, "/hello/ada")
    finally:
        forget_global()
    assert (200, [True]) == (answer.status, ended)


@native
def test_a_mount_is_not_traced_where_the_application_said_no() -> None:
    """Our provider is global, and must not switch the mount's telemetry on."""
    options: Any = {"telemetry": {"tracing": False}}
    app, mounted = FastAPI(**options), FastAPI()
    mounted.add_api_route("/c/{z}", lambda z: z)
    app.mount("/m", mounted)
    stack = traced(app)
    ask(stack, "/m/c/1", "/m/health")
    assert [] == stack.tracing.ring


@native
def test_the_metrics_of_a_mount_stay_its_own() -> None:
    """Only its server span is ours."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    options: Any = {"telemetry": {"meter_provider": provider}}
    app, mounted = FastAPI(), FastAPI(**options)
    mounted.add_api_route("/c/{z}", lambda z: z)
    app.mount("/m", mounted)
    stack = traced(app)
    ask(stack, "/m/c/1")
    data = reader.get_metrics_data()
    assert data is not None
    assert ["GET /m/c/{z}"] == servers(stack.tracing.ring)
    assert "http.server.request.duration" in data.to_json()

"""Traps OTEL-1 to OTEL-13: what tracing must not do."""

import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from urllib.parse import quote

import anyio
import orjson
import pytest
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import StreamingResponse
from opentelemetry import metrics, trace
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.sdk.trace.sampling import Sampler
from opentelemetry.trace import SpanKind, StatusCode

from steadfastapi import configure
from steadfastapi.testing import internal_errors
from support.asgi import call
from support.canaries import Canaries, raise_with_all
from support.faults import BlackHole, SlowServer, refused_port
from support.otlp import OtlpReceiver
from support.spans import ask, exceptions, own_provider, servers, traced


def test_otel_1_one_span_per_request_streams_included() -> None:
    """A plain response and a stream of three chunks are one span each."""
    app = FastAPI()

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        return StreamingResponse(iter([b"a", b"b", b"c"]))

    stack = traced(app)
    ask(stack, "/hello/ada", "/stream")
    assert [
        ("GET /hello/{name}", SpanKind.SERVER),
        ("GET /stream", SpanKind.SERVER),
    ] == [(span.name, span.kind) for span in stack.tracing.ring]


@pytest.mark.parametrize("order", ["before", "after", "never"])
@pytest.mark.parametrize("contrib", ["without", "before", "after"])
def test_otel_2_one_server_span_whoever_sets_the_provider(
    order: str, contrib: str
) -> None:
    """A provider or contrib's instrumentation, set at any time, doubles no span."""
    app = FastAPI()
    with own_provider() as (provider, exporter):
        if order == "before":
            trace.set_tracer_provider(provider)
        if contrib == "before":
            FastAPIInstrumentor.instrument_app(app)
        stack = traced(app)
        if order == "after":
            trace.set_tracer_provider(provider)
        if contrib == "after":
            FastAPIInstrumentor.instrument_app(app)
        ask(stack, "/hello/ada")
    theirs = servers(list(exporter.get_finished_spans()))
    ours = servers(stack.tracing.ring)
    expected = ["GET /hello/{name}"]
    assert (expected, expected) == (ours, theirs if order == "before" else expected)
    assert (order == "before") == bool(theirs)


@pytest.mark.parametrize("contrib", [False, True])
def test_otel_3_a_mounted_application_adds_no_server_span(*, contrib: bool) -> None:
    """The request to a mount is one span with the whole template."""
    app, mounted = FastAPI(), FastAPI()
    mounted.add_api_route("/c/{z}", lambda z: z)
    app.mount("/m", mounted)
    if contrib:
        FastAPIInstrumentor.instrument_app(app)
    stack = traced(app)
    ask(stack, "/m/c/1")
    assert ["GET /m/c/{z}"] == servers(stack.tracing.ring)


def test_otel_4_no_metric_attribute_comes_from_the_host_header(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A thousand Host headers make one series of each metric at most."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    monkeypatch.setattr(metrics._internal, "_METER_PROVIDER", provider)
    stack = traced()

    async def send() -> None:
        for number in range(1_000):
            host = f"evil-{number}.example"
            await call(stack.plan.app, path="/hello/ada", headers=[("host", host)])

    anyio.run(send)
    data = reader.get_metrics_data()
    points = [
        list(metric.data.data_points)
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
    ]
    assert {1} | {len(series) for series in points} == {1}
    assert "evil-" not in str(points)


def test_otel_5_one_exception_event_and_error_only_from_500_on() -> None:
    """Unhandled errors and HTTPException >= 500 are one event; 404 is none."""
    app = FastAPI()

    @app.get("/crash")
    def crash() -> None:
        raise ValueError("boom")

    @app.get("/late")
    async def late() -> StreamingResponse:
        def chunks() -> Iterator[bytes]:
            yield b"a"
            raise ValueError("boom")

        return StreamingResponse(chunks())

    @app.get("/status/{code}")
    async def status(code: int) -> None:
        raise HTTPException(code, "said so")

    stack = traced(app)
    ask(stack, "/crash", "/late", "/status/503", "/status/404", "/hello/ada")
    assert [
        (["ValueError"], StatusCode.ERROR),
        (["ValueError"], StatusCode.ERROR),
        (["fastapi.exceptions.HTTPException"], StatusCode.ERROR),
        ([], StatusCode.UNSET),
        ([], StatusCode.UNSET),
    ] == [(exceptions(span), span.status.status_code) for span in stack.tracing.ring]


def test_otel_6_a_raw_path_is_never_a_span_name() -> None:
    """What no route matches is named by its method alone."""
    stack = traced()
    ask(stack, "/nowhere/4711")
    assert [("GET", None)] == [
        (span.name, (span.attributes or {}).get("http.route"))
        for span in stack.tracing.ring
    ]


def test_otel_7_probes_are_untraced_and_healthy_foods_are_traced() -> None:
    """Quiet paths match by whole segments, whichever layer added them."""
    stack = traced()
    stack.plan.quiet("/internal")  # as a later layer does
    ask(stack, "/health", "/metrics", "/internal/page", "/hello/health")
    ask(stack, "/healthy-foods")
    assert ["GET /hello/{name}", "GET"] == servers(stack.tracing.ring)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_otel_8_every_fork_exports_as_an_instance_of_its_own() -> None:
    """Four children deliver their spans once each, under four instance ids."""
    with OtlpReceiver() as collector:
        stack = traced(endpoint=collector.endpoint)
        ask(stack, "/hello/parent")  # the parent's queue and thread exist
        children = []
        for _ in range(4):
            child = os.fork()
            if child == 0:
                ask(stack, "/hello/child")
                os._exit(0 if stack.tracing.force_flush(5) else 1)
            children.append(child)
        codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
        assert stack.tracing.force_flush(5)
        spans = collector.wait_for(5)
    assert [0] * 4 == codes
    assert (5, 5, 5) == (
        len(spans),
        len({span.span_id for span in spans}),
        len({span.resource["service.instance.id"] for span in spans}),
    )


def test_otel_9_an_existing_provider_is_used_and_outlives_us() -> None:
    """The application's provider stays global, gets the spans, is not shut down."""
    with own_provider() as (provider, exporter):
        trace.set_tracer_provider(provider)
        stack = traced(endpoint="http://127.0.0.1:9")
        ask(stack, "/hello/ada")
        assert stack.shutdown(1.0)
        ask(stack, "/hello/bob")
        assert trace.get_tracer_provider() is stack.tracing.provider is provider
    assert ["GET /hello/{name}"] * 2 == servers(list(exporter.get_finished_spans()))


@contextmanager
def _refused() -> Iterator[Any]:
    with refused_port() as port:
        yield type("Closed", (), {"port": port})


@pytest.mark.parametrize("fault", [_refused, BlackHole, SlowServer])
def test_otel_10_a_silent_collector_holds_neither_start_nor_stop(
    fault: Callable[[], AbstractContextManager[Any]],
) -> None:
    """The deadline holds, the answer is honest, and the loop goes on meanwhile."""
    with fault() as collector:
        start = time.monotonic()
        stack = traced(endpoint=f"http://127.0.0.1:{collector.port}")
        ask(stack, "/hello/ada")
        assert time.monotonic() - start < 1.0
        beats = 0

        async def beat() -> None:
            nonlocal beats
            while True:
                await anyio.sleep(0.01)
                beats += 1

        async def stop() -> tuple[bool, float]:
            start = time.monotonic()
            async with anyio.create_task_group() as group:
                group.start_soon(beat)
                done = await anyio.to_thread.run_sync(stack.shutdown, 0.4)
                group.cancel_scope.cancel()
            return done, time.monotonic() - start

        delivered, seconds = anyio.run(stop)
    assert not delivered
    assert seconds < 1.0
    assert beats >= 5


def _break(*args: Any, **kwargs: Any) -> Any:
    raise UnicodeError("broken")


class BrokenSampler(Sampler):
    """Raises from everything that the SDK calls."""

    should_sample = get_description = _break


class BrokenProcessor(SpanProcessor):
    """Raises from everything that the SDK calls."""

    on_start = on_end = _on_ending = force_flush = shutdown = _break


class BrokenExporter(SpanExporter):
    """Raises from everything that the SDK calls."""

    export = force_flush = shutdown = _break


@pytest.mark.parametrize(
    ("part", "settings"),
    [
        ("sampler", {"sampler": BrokenSampler()}),
        ("processor", {"processors": [BrokenProcessor()]}),
        ("exporter", {"exporter": BrokenExporter()}),
    ],
)
def test_otel_11_what_raises_inside_does_not_change_the_response(
    part: str, settings: dict[str, Any]
) -> None:
    """A sampler, processor or exporter that raises is counted, and nothing more."""
    headers = [("x-request-id", "one-two-three")]
    untraced = FastAPI()
    untraced.get("/hello/{name}")(lambda name: name)
    off = configure(untraced, logs=False, metrics=False, sentry=False, tracing=False)
    (control,) = ask(off, "/hello/ada", headers=headers)
    with internal_errors() as errors:
        stack = traced(**settings)
        (answer,) = ask(stack, "/hello/ada", headers=headers)
        stack.tracing.force_flush(2.0)
    assert control.messages == answer.messages
    assert [f"tracing.{part}"] == list(errors)


@pytest.mark.parametrize("incoming", ["continue", "link"])
def test_otel_12_a_client_cannot_force_its_traces_to_be_kept(
    incoming: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five thousand forged flags are sampled at the ratio, within half a point."""
    dice = random.Random(12)
    monkeypatch.setattr(random, "getrandbits", dice.getrandbits)
    stack = traced(ratio=0.01, incoming=incoming, ring=5_000)
    sent = set()

    async def send() -> None:
        for _ in range(5_000):
            # With a link, crafted ids do not help either: these all beat a ratio.
            low = dice.getrandbits(64) if incoming == "continue" else 1
            trace_id = f"{dice.getrandbits(64) | 1:016x}{low:016x}"
            sent.add(trace_id)
            parent = f"00-{trace_id}-00f067aa0ba902b7-01"
            headers = [("traceparent", parent)]
            await call(stack.plan.app, path="/hello/ada", headers=headers)

    anyio.run(send)
    spans = stack.tracing.ring
    assert 0.005 <= len(spans) / 5_000 <= 0.015
    joined = {f"{span.context.trace_id:032x}" in sent for span in spans}
    linked = {
        f"{link.context.trace_id:032x}" in sent for s in spans for link in s.links
    }
    roots = {span.parent is None for span in spans}
    expected = {
        "continue": ({True}, set(), {False}),
        "link": ({False}, {True}, {True}),
    }
    assert expected[incoming] == (joined, linked, roots)


def test_otel_13_no_secret_is_in_an_exported_span() -> None:
    """None of the canaries leaves the process, whoever recorded the exception."""
    canaries = Canaries()
    app = FastAPI()

    @app.post("/login")
    async def login(request: Request) -> None:
        span = trace.get_current_span()
        span.set_attribute("http.request.header.authorization", [canaries.bearer])
        span.set_attribute("note", f"token={canaries.exception_token}")
        with trace.get_tracer("app").start_as_current_span("store"):
            raise_with_all(canaries, request, await request.json())

    with OtlpReceiver() as collector:
        stack = traced(app, endpoint=collector.endpoint)
        sent = canaries.request_kwargs()

        async def send() -> None:
            await call(
                app,
                "POST",
                f"/login?token={quote(canaries.query_token)}",
                headers=list(sent["headers"].items()),
                body=orjson.dumps(sent["json"]),
            )

        anyio.run(send)
        assert stack.tracing.force_flush(5)
        spans = collector.wait_for(2)
        found = canaries.find(collector.raw())
    assert {} == found
    assert [["exception"], ["exception"]] == [
        [name for name, _ in span.events] for span in spans
    ]

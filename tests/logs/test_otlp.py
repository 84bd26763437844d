"""Log lines that go to an OpenTelemetry collector: whether, where to, and how."""

import logging
import subprocess
import sys
import time
from typing import Any

import pytest
import structlog
from fastapi import FastAPI
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from steadfastapi import Logs, Stack, Tracing, bind, configure
from steadfastapi.exceptions import ConfigurationError
from steadfastapi.logs import otlp
from steadfastapi.logs.pipeline import pipeline
from steadfastapi.testing import capture
from steadfastapi.tracing.provider import forget_global
from support.asgi import call
from support.drive import in_loop
from support.otlp import OtlpReceiver, ReceivedLog

LOGS = "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"
BASE = "OTEL_EXPORTER_OTLP_ENDPOINT"
OURS = "STEADFAST_LOGS_ENDPOINT"


def sending(app: FastAPI | None = None, **settings: Any) -> Stack:
    """Configure an application whose lines are sent."""
    logs = Logs(**{"renderer": "json", **settings})
    return configure(
        app or FastAPI(title="Shop"),
        logs=logs,
        tracing=Tracing(instrument=False),
        sentry=False,
        console=False,  # it reads the lines too
    )


def sent(collector: OtlpReceiver, stack: Stack) -> list[ReceivedLog]:
    """Return what arrived, all of it."""
    assert stack.shutdown(10)
    return collector.logs()


def notes(stack: Stack) -> list[str]:
    """Return what the printed plan says about the logs."""
    return [line.what for line in stack.plan.contributions if line.layer == "logs"]


def test_lines_arrive_as_records() -> None:
    """Body, severity, attributes and time are those of the line on stdout."""
    with OtlpReceiver() as collector:
        stack = sending(endpoint=collector.endpoint)
        with capture(stack.plan.app) as seen:
            structlog.get_logger("shop").warning("low stock", sku="A-1", left=3)
            logging.getLogger("old").error("failed")
        first, second = sent(collector, stack)
    (line, _) = seen.logs
    assert ("low stock", "WARN", "warning") == (
        first.body,
        first.severity,
        first.severity_text,
    )
    assert {"logger": "shop", "sku": "A-1", "left": 3} == first.attributes
    assert line["timestamp"][20:23] == f"{first.time_ns // 1_000_000 % 1000:03}"
    assert 0 <= first.observed_ns - first.time_ns < 10 * 10**9
    assert ("failed", "ERROR", "old") == (
        second.body,
        second.severity,
        second.attributes["logger"],
    )


def test_a_request_is_sent_with_its_trace() -> None:
    """The access line and lines of the endpoint carry the ids of the server span."""
    app = FastAPI()

    @app.get("/orders/{order_id}")
    async def order(order_id: int) -> int:
        bind(user_id=7)
        structlog.get_logger().info("looked up")
        return order_id

    with OtlpReceiver() as collector:
        stack = sending(app, endpoint=collector.endpoint)
        in_loop(call, app, "GET", "/orders/3?token=s3cr3t")
        (span,) = [span for span in stack.tracing.ring if span.parent is None]
        looked_up, request = sent(collector, stack)
    assert span.context is not None
    ids = (f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}")
    assert ids == (looked_up.trace_id, looked_up.span_id)
    assert ids == (request.trace_id, request.span_id)
    assert ("request", "/orders/{order_id}", 200, 7) == (
        request.body,
        request.attributes["route"],
        request.attributes["status"],
        request.attributes["user_id"],
    )
    assert "trace_id" not in request.attributes
    assert "s3cr3t" not in str(request)


def test_an_exception_is_sent_as_attributes() -> None:
    """By the names of the semantic conventions, whatever stdout looks like."""
    secret = "hunter2" * 2
    for renderer in ("json", "console"):
        with OtlpReceiver() as collector:
            stack = sending(endpoint=collector.endpoint, renderer=renderer)
            try:
                raise ValueError(f"password={secret}")
            except ValueError:
                structlog.get_logger().exception("boom")
            (record,) = sent(collector, stack)
        found = record.attributes
        assert "ValueError" == found["exception.type"]
        assert "Traceback" in found["exception.stacktrace"]
        assert "hunter2" not in str(record)
        assert "exception" not in found


def test_secrets_are_masked_before_they_are_sent() -> None:
    """What leaves for the collector is what stdout shows."""
    with OtlpReceiver() as collector:
        stack = sending(endpoint=collector.endpoint)
        structlog.get_logger().info("login", password="hunter2hunter2")
        sent(collector, stack)
        assert "hunter2" not in collector.raw()


def test_logs_and_traces_come_from_the_same_resource() -> None:
    """Name, version, environment and instance: one process, one identity."""
    with OtlpReceiver() as collector:
        stack = configure(
            FastAPI(title="Shop"),
            logs=Logs(endpoint=collector.endpoint),
            tracing=Tracing(endpoint=collector.endpoint, instrument=False),
            sentry=False,
        )
        structlog.get_logger().info("hello")
        stack.tracing.provider.get_tracer("test").start_span("work").end()
        (record,) = sent(collector, stack)
        (span,) = collector.wait_for(1)
    assert "shop" == record.resource["service.name"]
    assert span.resource == record.resource


def test_the_application_s_own_provider_decides_the_resource() -> None:
    """Its traces are described by it, and so are the lines."""
    own = TracerProvider(resource=Resource.create({"service.name": "theirs"}))
    trace.set_tracer_provider(own)
    try:
        with OtlpReceiver() as collector:
            stack = sending(endpoint=collector.endpoint)
            structlog.get_logger().info("hello")
            (record,) = sent(collector, stack)
    finally:
        forget_global()
        own.shutdown()
    assert "theirs" == record.resource["service.name"]


def test_without_tracing_the_resource_is_the_service() -> None:
    """Logs need no other layer."""
    with OtlpReceiver() as collector:
        stack = configure(
            FastAPI(title="Shop", version="1.2"),
            logs=Logs(endpoint=collector.endpoint),
            tracing=False,
            sentry=False,
        )
        structlog.get_logger().info("hello")
        (record,) = sent(collector, stack)
    assert ("shop", "1.2") == (
        record.resource["service.name"],
        record.resource["service.version"],
    )


@pytest.mark.parametrize("variable", [LOGS, BASE, OURS])
def test_the_endpoint_comes_from_the_environment(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenTelemetry's own for logs is taken as it stands; the others get a path."""
    with OtlpReceiver() as collector:
        path = "/v1/logs" if variable == LOGS else ""
        monkeypatch.setenv(variable, f"{collector.endpoint}{path}")
        stack = sending()
        structlog.get_logger().info("hello")
        assert ["hello"] == [one.body for one in sent(collector, stack)]
    assert f"lines sent to {collector.endpoint}/v1/logs" in notes(stack)


@pytest.mark.parametrize(
    ("name", "value"), [("OTEL_LOGS_EXPORTER", "none"), ("OTEL_SDK_DISABLED", "true")]
)
def test_opentelemetry_s_switches_keep_lines_here(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is sent, although an endpoint is set for everything."""
    monkeypatch.setenv(name, value)
    monkeypatch.setenv(BASE, "http://127.0.0.1:9")
    stack = sending()
    assert [] == pipeline.taps
    assert not any("sent to" in note for note in notes(stack))


def test_an_endpoint_in_code_wins_over_the_switch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`OTEL_LOGS_EXPORTER=none` is about the environment's endpoint."""
    monkeypatch.setenv("OTEL_LOGS_EXPORTER", "none")
    sending(endpoint="http://127.0.0.1:9")
    assert 1 == len(pipeline.taps)


def test_without_an_endpoint_nothing_is_imported() -> None:
    """No tap, no thread, no SDK for logs: off costs nothing."""
    code = (
        "import sys; from fastapi import FastAPI; from steadfastapi import configure;"
        "configure(FastAPI(), tracing=False, sentry=False, console=False);"
        "from steadfastapi.logs.pipeline import pipeline;"
        "assert pipeline.taps == [];"
        "names = ('opentelemetry.sdk._logs', 'requests',"
        " 'steadfastapi.logs.otlp_export');"
        "sys.exit(sum(name in sys.modules for name in names))"
    )
    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode


def test_headers_are_sent_and_never_shown() -> None:
    """They hold keys."""
    with OtlpReceiver() as collector:
        stack = sending(endpoint=collector.endpoint, headers="api-key=s3cr3t,a=b%20c")
        structlog.get_logger().info("hello")
        sent(collector, stack)
        (request,) = collector.wait_for_requests(1)
    assert ("s3cr3t", "b c") == (request.headers["api-key"], request.headers["a"])
    assert "s3cr3t" not in f"{stack} {notes(stack)} {stack.layers['logs']!r}"


@pytest.mark.parametrize("signal", ["", "LOGS_"])
def test_headers_come_from_the_environment(
    signal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For everything, or for logs alone."""
    monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_{signal}HEADERS", "api-key=s3cr3t")
    with OtlpReceiver() as collector:
        stack = sending(endpoint=collector.endpoint)
        structlog.get_logger().info("hello")
        sent(collector, stack)
        (request,) = collector.wait_for_requests(1)
    assert "s3cr3t" == request.headers["api-key"]


def test_a_password_in_the_endpoint_is_not_printed() -> None:
    """Neither in the settings nor in the plan."""
    stack = sending(endpoint="http://me:hunter2hunter2@127.0.0.1:9")
    layer = stack.layers["logs"]
    assert isinstance(layer, Logs)
    assert "hunter2" not in f"{stack} {notes(stack)} {layer.summary()}"


def test_wrong_settings_are_reported_once() -> None:
    """Logs and traces read the same variable, and say what is wrong with it once."""
    with pytest.raises(ConfigurationError) as caught:
        sending(endpoint="collector:4318")
    (problem,) = caught.value.problems
    assert problem.startswith("Logs(endpoint=…) is 'collector:4318': it does not start")


def test_the_same_mistake_of_two_layers_is_one_problem(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Logs and traces read the same variables."""
    monkeypatch.setenv(BASE, "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "nonsense")
    with pytest.raises(ConfigurationError) as caught:
        sending()
    (problem,) = caught.value.problems
    assert "OTEL_EXPORTER_OTLP_HEADERS is no list" in problem


def test_what_the_exporter_refuses_is_found_by_configure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A wrong variable of OpenTelemetry is no surprise of the first export."""
    name = "OTEL_PYTHON_EXPORTER_OTLP_HTTP_LOGS_CREDENTIAL_PROVIDER"
    monkeypatch.setenv(name, "nobody")
    with pytest.raises(ConfigurationError, match="refuses its settings"):
        sending(endpoint="http://127.0.0.1:9")


def test_the_last_configure_decides_and_nothing_is_lost() -> None:
    """Lines of the first application that still wait are delivered."""
    with OtlpReceiver() as first, OtlpReceiver() as second:
        sending(endpoint=first.endpoint)
        structlog.get_logger().info("of the first")
        stack = sending(endpoint=second.endpoint)
        structlog.get_logger().info("of the second")
        assert ["of the second"] == [one.body for one in sent(second, stack)]
        assert ["of the first"] == [one.body for one in first.wait_for_logs(1)]


def test_a_reset_sends_nothing_any_more() -> None:
    """After a test, no thread of it goes on."""
    sending(endpoint="http://127.0.0.1:9")
    export = otlp._current
    assert export is not None
    otlp.reset()
    export({"event": "late"}, None, 10)
    assert (0, None) == (export.waiting, otlp._current)


@pytest.mark.soak
def test_a_line_costs_the_request_less_than_3_microseconds() -> None:
    """Queueing is all that happens before the response; the best of 50 rounds."""
    sending(endpoint="http://127.0.0.1:9")
    export = otlp._current
    assert export is not None
    line = {"event": "request", "trace_id": "a" * 32, "route": "/", "status": 200}
    rounds = []
    for _ in range(50):
        start = time.perf_counter()
        for _ in range(200):
            export(line, None, 300)
        rounds.append((time.perf_counter() - start) / 200)
        export._drop("shutdown")
    assert min(rounds) <= 3e-6

"""The settings of the traces, and what they put in the plan."""

from typing import Any

import pytest
from fastapi import FastAPI
from opentelemetry import trace
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NoOpTracerProvider, ProxyTracerProvider, SpanKind

from steadfastapi import Stack, Tracing, configure
from steadfastapi.exceptions import ConfigurationError
from steadfastapi.tracing.exporter import TRACES as SIGNAL
from support.otlp import OtlpReceiver
from support.spans import NATIVE, ask, own_provider, servers, traced

TRACES = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
BASE = "OTEL_EXPORTER_OTLP_ENDPOINT"
OURS = "STEADFAST_TRACING_ENDPOINT"


def refusal(**settings: Any) -> str:
    """Return what `configure` says about wrong settings."""
    with pytest.raises(ConfigurationError) as caught:
        traced(**settings)
    return str(caught.value)


def notes(stack: Stack) -> list[str]:
    """Return what the printed plan says about tracing."""
    return [line.what for line in stack.plan.contributions if line.layer == "tracing"]


def test_nothing_leaves_the_process_without_an_endpoint() -> None:
    """There is no exporter and no thread; finished spans are in the ring."""
    stack = traced()
    ask(stack, "/hello/ada")
    pipeline = stack.tracing.tracing.pipeline
    assert pipeline is not None
    assert pipeline.export is None
    assert ["GET /hello/{name}"] == servers(stack.tracing.ring)
    assert "not sent" in notes(stack)


@pytest.mark.parametrize(
    ("endpoint", "what"),
    [
        ("collector:4318", "it does not start with http:// or https://"),
        ("grpc://collector:4317", "it does not start with http:// or https://"),
        ("http://collector:99999", "Port out of range"),
        ("http://:4318", "it names no host and port"),
        ("http://[::1", "Invalid IPv6 URL"),
    ],
)
def test_a_wrong_endpoint_is_refused_with_what_would_be_right(
    endpoint: str, what: str
) -> None:
    """The message names the setting, its value, the mistake and an example."""
    message = refusal(endpoint=endpoint)
    assert f"Tracing(endpoint=…) is '{endpoint}': {what}" in message
    assert "write the address of an OTLP/HTTP collector" in message


@pytest.mark.parametrize("variable", [OURS, TRACES, BASE])
def test_a_wrong_endpoint_is_traced_to_its_variable(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each variable is named, and a password in its value is not shown."""
    monkeypatch.setenv(variable, "ftp://me:hunter2hunter2@collector")
    message = refusal()
    assert message.startswith(f"{variable} is 'ftp://[redacted]@collector'")


def test_settings_that_the_exporter_refuses_are_found_by_configure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A wrong variable of OpenTelemetry is no surprise of the first export."""
    name = "OTEL_PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER"
    monkeypatch.setenv(name, "nobody")
    assert "The OTLP exporter refuses its settings" in refusal(endpoint="http://c:4318")


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("http://collector:4318", "http://collector:4318/v1/traces"),
        ("http://collector:4318/", "http://collector:4318/v1/traces"),
        ("https://c.example/otlp", "https://c.example/otlp/v1/traces"),
        ("https://c.example/v1/traces", "https://c.example/v1/traces"),
    ],
)
def test_the_path_of_the_traces_is_appended(endpoint: str, url: str) -> None:
    """Unless the endpoint ends with it."""
    assert url == SIGNAL.url(endpoint)


def test_the_variable_for_traces_is_taken_as_it_stands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As the OpenTelemetry specification has it, and it wins over the general one."""
    monkeypatch.setenv(BASE, "http://general:4318")
    monkeypatch.setenv(TRACES, "http://special:4318/mine")
    assert "http://special:4318/mine" == SIGNAL.url(Tracing().endpoint or "")


def test_headers_are_sent_and_never_shown() -> None:
    """They hold keys."""
    with OtlpReceiver() as collector:
        stack = traced(
            endpoint=collector.endpoint, headers="api-key=s3cr3t,tenant=a%20b"
        )
        ask(stack, "/hello/ada")
        assert stack.tracing.force_flush(5)
        (request,) = collector.wait_for_requests(1)
    layer = stack.layers["tracing"]
    assert isinstance(layer, Tracing)
    assert ("s3cr3t", "a b") == (request.headers["api-key"], request.headers["tenant"])
    assert "s3cr3t" not in f"{layer!r} {layer.summary()} {notes(stack)}"


def test_a_password_in_the_endpoint_is_not_printed() -> None:
    """Neither in the settings nor in the plan."""
    stack = traced(endpoint="http://me:hunter2hunter2@127.0.0.1:9")
    assert "hunter2" not in f"{stack} {notes(stack)}"
    assert "sent to http://[redacted]@127.0.0.1:9/v1/traces" in notes(stack)


@pytest.mark.parametrize(
    ("sampler", "argument", "ratio"),
    [
        ("always_on", None, 1.0),
        ("always_off", None, 0.0),
        ("parentbased_always_on", None, 1.0),
        ("parentbased_always_off", None, 0.0),
        ("traceidratio", "0.25", 0.25),
        ("ParentBased_TraceIdRatio", "0.5", 0.5),
        ("traceidratio", None, 1.0),
    ],
)
def test_the_sampler_of_opentelemetry_is_understood(
    sampler: str,
    argument: str | None,
    ratio: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What `OTEL_TRACES_SAMPLER` says is a ratio."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    if argument is not None:
        monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", argument)
    assert ratio == Tracing().ratio


def test_a_ratio_of_ours_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """An argument over our variable, our variable over OpenTelemetry's."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    monkeypatch.setenv("STEADFAST_TRACING_RATIO", "0.5")
    assert (0.5, 0.1) == (Tracing().ratio, Tracing(ratio=0.1).ratio)


@pytest.mark.parametrize(
    ("sampler", "argument", "message"),
    [
        ("xray", "", "OTEL_TRACES_SAMPLER is 'xray': use a number from 0 to 1, or"),
        (
            "traceidratio",
            "2",
            "the ratio in OTEL_TRACES_SAMPLER_ARG is '2', not 0 to 1",
        ),
        (
            "traceidratio",
            "x",
            "the ratio in OTEL_TRACES_SAMPLER_ARG is 'x', not 0 to 1",
        ),
        ("1.5", "", "should be less than or equal to 1"),
    ],
)
def test_a_sampler_that_is_no_ratio_is_refused(
    sampler: str, argument: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what would be right."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", argument)
    with pytest.raises(ConfigurationError) as caught:
        Tracing()
    assert message in str(caught.value)


def test_the_sdk_can_be_disabled(monkeypatch: pytest.MonkeyPatch) -> None:
    """`OTEL_SDK_DISABLED=true` leaves the process without provider and spans."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", "TRUE")
    stack = traced(endpoint="nonsense")
    ask(stack, "/hello/ada")
    assert isinstance(stack.tracing.provider, NoOpTracerProvider)
    assert isinstance(trace.get_tracer_provider(), ProxyTracerProvider)
    assert ([], True, 0) == (
        stack.tracing.ring,
        stack.tracing.force_flush(0.1),
        stack.tracing.dropped,
    )


@pytest.mark.skipif(not NATIVE, reason="FastAPI makes no operation spans")
def test_operation_spans_are_a_choice() -> None:
    """FastAPI's own spans inside of the request appear when they are asked for."""
    stack = traced(operation_spans=True)
    ask(stack, "/hello/ada")
    kinds = [span.kind for span in stack.tracing.ring]
    assert SpanKind.INTERNAL in kinds
    assert 1 == kinds.count(SpanKind.SERVER)


def test_settings_that_a_foreign_provider_makes_useless_are_named() -> None:
    """The user learns where they belong; the application's provider stays as it is."""
    with own_provider() as (provider, _):
        trace.set_tracer_provider(provider)
        stack = traced(exporter=InMemorySpanExporter())
    assert ["the application's own tracer provider"] == notes(stack)[:1]
    assert "give it there" in stack.plan.warnings[0]


def test_the_ring_keeps_the_most_recent_spans() -> None:
    """It is bounded, oldest first, and the same objects at every look."""
    stack = traced(ring=2)
    ask(stack, "/hello/a", "/nowhere", "/hello/c")
    ring = stack.tracing.ring
    assert ["GET", "GET /hello/{name}"] == servers(ring)
    assert [id(span) for span in ring] == [id(span) for span in stack.tracing.ring]


def test_what_is_off_is_said_by_the_stack() -> None:
    """`stack.tracing` explains itself without the layer."""
    stack = configure(FastAPI(), logs=False, metrics=False, sentry=False, tracing=False)
    with pytest.raises(AttributeError, match="the layer is off"):
        _ = stack.tracing


def test_a_second_application_that_wishes_for_something_else_is_told() -> None:
    """A process has one provider; the plan says what really happens."""
    first = traced(ratio=0.5)
    second = traced(ratio=0.1, endpoint="http://collector:4318")
    same = traced(ratio=0.5)
    (warning,) = second.plan.warnings
    assert "first configure()" in warning
    assert "spans, 50% of traces" in notes(second)
    assert ([], []) == (first.plan.warnings, same.plan.warnings)


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "abc", "LENGTH_LIMIT"),
        ("OTEL_BSP_SCHEDULE_DELAY", "soon", "write milliseconds"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "api-key s3cr3t-value", "name=value pairs"),
    ],
)
def test_a_variable_that_the_sdk_would_refuse_later_is_refused_now(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    variable: str,
    value: str,
    words: str,
) -> None:
    """And no secret in it is shown."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=words) as raised:
        traced(endpoint="http://collector:4318")
    assert "s3cr3t-value" not in str(raised.value) + caplog.text


def test_headers_that_are_no_pairs_are_refused_without_showing_them() -> None:
    """They are secrets."""
    with pytest.raises(ConfigurationError, match="name=value") as raised:
        traced(endpoint="http://collector:4318", headers="api-key s3cr3t-value")
    assert "s3cr3t" not in str(raised.value)


def test_no_exporter_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """`OTEL_TRACES_EXPORTER=none` beside an endpoint that others use."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318")
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    assert "not sent" in notes(traced())


def test_a_protocol_that_we_do_not_speak_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The port of gRPC answers no HTTP."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    (warning,) = traced().plan.warnings
    assert "4318" in warning


def test_a_client_cannot_fill_the_log_by_a_header(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Of a thousand malformed entries one is told."""
    stack = traced()
    baggage = ",".join(f"={number}" for number in range(1_000))
    ask(stack, "/hello/ada", headers=[("baggage", baggage)])
    assert len(caplog.records) <= 2  # one of each kind


def test_what_the_resource_variable_says_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Below an explicit name, above what the application says of itself."""
    said = (
        "service.name=orders,service.version=9.9,"
        "deployment.environment.name=staging,service.instance.id=pod-7"
    )
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", said)
    stack = traced()
    ask(stack, "/hello/ada")
    (span,) = stack.tracing.ring
    found = dict(span.resource.attributes)
    assert said == ",".join(
        f"{pair.partition('=')[0]}={found[pair.partition('=')[0]]}"
        for pair in said.split(",")
    )
    assert ("orders", "staging") == (stack.service.name, stack.service.environment)

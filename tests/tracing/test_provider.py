"""One provider a process: whose, how it is described, how it is undone."""

import subprocess
import sys
import time
from typing import Any

import pytest
from fastapi import FastAPI
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import NoOpTracerProvider, ProxyTracerProvider

from steadfastapi import Service, Tracing, configure, testing
from steadfastapi.tracing.provider import forget_global
from support.faults import BlackHole
from support.spans import NATIVE, ask, own_provider, servers, traced


def test_two_applications_share_the_provider_of_the_process() -> None:
    """The second one's spans are in the same ring."""
    first, second = traced(), traced()
    ask(first, "/hello/ada")
    ask(second, "/hello/bob")
    assert first.tracing.provider is second.tracing.provider
    assert 2 == len(servers(second.tracing.ring))


def test_the_resource_describes_the_service() -> None:
    """By the names of OpenTelemetry's conventions."""
    service = Service(name="shop", version="1.2", environment="staging", revision="abc")
    stack = configure(
        FastAPI(),
        service=service,
        logs=False,
        metrics=False,
        sentry=False,
        tracing=Tracing(instrument=False),
    )
    provider = stack.tracing.provider
    assert isinstance(provider, TracerProvider)
    found = dict(provider.resource.attributes)
    assert ("shop", "1.2", "staging", "abc") == (
        found["service.name"],
        found["service.version"],
        found["deployment.environment.name"],
        found["vcs.ref.head.revision"],
    )
    assert 36 == len(str(found["service.instance.id"]))


def test_reset_gives_the_process_back() -> None:
    """The next application makes a provider of its own."""
    before = traced().tracing.provider
    testing.reset()
    assert isinstance(trace.get_tracer_provider(), ProxyTracerProvider)
    after = traced().tracing.provider
    assert before is not after is trace.get_tracer_provider()


def test_reset_leaves_a_provider_of_the_application() -> None:
    """It was there before."""
    with own_provider() as (provider, _):
        trace.set_tracer_provider(provider)
        traced()
        testing.reset()
        assert trace.get_tracer_provider() is provider


def test_a_foreign_provider_is_joined_once() -> None:
    """Two applications on it do not record a span twice."""
    with own_provider() as (provider, exporter):
        trace.set_tracer_provider(provider)
        traced()
        stack = traced()
        ask(stack, "/hello/ada")
        assert stack.tracing.force_flush(1)
    assert (1, 1) == (len(stack.tracing.ring), len(exporter.get_finished_spans()))


def test_a_provider_without_processors_is_respected_too() -> None:
    """Somebody switched tracing off by the API: requests are served without."""
    nothing = NoOpTracerProvider()
    trace.set_tracer_provider(nothing)
    try:
        stack = traced()
        (answer,) = ask(stack, "/hello/ada")
        assert (200, []) == (answer.status, stack.tracing.ring)
        assert stack.tracing.provider is nothing
        assert stack.tracing.force_flush(0.1)
    finally:
        forget_global()


@pytest.mark.skipif(not NATIVE, reason="FastAPI takes none")
def test_a_provider_given_to_fastapi_is_used() -> None:
    """The global one stays unset."""
    with own_provider() as (provider, exporter):
        app: Any = FastAPI(telemetry={"tracer_provider": provider})
        stack = traced(app)
        ask(stack, "/hello/ada")
    assert ["GET /hello/{name}"] == servers(list(exporter.get_finished_spans()))
    assert isinstance(trace.get_tracer_provider(), ProxyTracerProvider)


SCRIPT = """
import sys
from fastapi import FastAPI
from steadfastapi import Tracing, configure
stack = configure(
    FastAPI(), logs=False, metrics=False, sentry=False,
    tracing=Tracing(endpoint=sys.argv[1], instrument=False),
)
stack.tracing.provider.get_tracer("x").start_span("x").end()
sys.exit(3 if stack.shutdown(0.2) is False else 4)
"""


def test_a_process_ends_although_the_collector_is_silent() -> None:
    """Neither a thread nor an exit handler of the SDK holds it (30 s by default)."""
    with BlackHole() as collector:
        endpoint = f"http://127.0.0.1:{collector.port}"
        start = time.monotonic()
        ended = subprocess.run(
            [sys.executable, "-c", SCRIPT, endpoint], check=False, timeout=30
        )
    assert 3 == ended.returncode
    assert time.monotonic() - start < 15

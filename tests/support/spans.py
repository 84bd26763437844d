"""Applications that are traced, and the spans that they leave behind."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anyio
from fastapi import FastAPI
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from steadfastapi import Stack, Tracing, configure
from steadfastapi.tracing.native import native_config
from steadfastapi.tracing.provider import forget_global
from support.asgi import AsgiResult, call

NATIVE = native_config(FastAPI()) is not None
"""Whether FastAPI makes the server span itself (0.142 and newer)."""


def traced(app: FastAPI | None = None, **settings: Any) -> Stack:
    """Configure an application with tracing, and one more route: `/hello/{name}`.

    Args:
        app: The application; a new one by default.
        **settings: Of `Tracing`; client libraries are left alone unless they say so.
    """
    app = app or FastAPI()

    @app.get("/hello/{name}")
    async def hello(name: str) -> str:
        return name

    tracing = Tracing(**{"instrument": False, **settings})
    return configure(app, logs=False, metrics=False, sentry=False, tracing=tracing)


def ask(stack: Stack, *paths: str, **request: Any) -> list[AsgiResult]:
    """Send one GET after the other."""

    async def send() -> list[AsgiResult]:
        return [await call(stack.plan.app, "GET", path, **request) for path in paths]

    return anyio.run(send)


def servers(spans: list[ReadableSpan]) -> list[str]:
    """Return the names of the server spans."""
    return [span.name for span in spans if span.kind is SpanKind.SERVER]


def attributes(span: ReadableSpan) -> dict[str, Any]:
    """Return the attributes of a span."""
    return dict(span.attributes or {})


def exceptions(span: ReadableSpan) -> list[Any]:
    """Return the types in the exception events of a span."""
    return [
        (event.attributes or {}).get("exception.type")
        for event in span.events
        if event.name == "exception"
    ]


def provider_into(exporter: InMemorySpanExporter) -> TracerProvider:
    """Return a provider of an application's own."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider


@contextmanager
def own_provider() -> Iterator[tuple[TracerProvider, InMemorySpanExporter]]:
    """Give a provider of an application's own, not global until the test says so."""
    exporter = InMemorySpanExporter()
    provider = provider_into(exporter)
    try:
        yield provider, exporter
    finally:
        if trace.get_tracer_provider() is provider:
            forget_global()

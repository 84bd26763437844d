"""Bare FastAPI: what everything else is compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.application import add_routes, create_app

if TYPE_CHECKING:
    from fastapi import FastAPI


def build(routes: int) -> FastAPI:
    """Return the application as it is."""
    return add_routes(create_app(), routes)


def build_with_telemetry(routes: int) -> FastAPI:
    """Only set a tracer provider, which FastAPI's native telemetry then uses."""
    from opentelemetry import trace  # noqa: PLC0415 - only this one may import it
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    from benchmarks.exporter import NoOpExporter  # noqa: PLC0415

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(NoOpExporter()))
    trace.set_tracer_provider(provider)
    return add_routes(create_app(), routes)

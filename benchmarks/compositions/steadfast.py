"""steadfastapi with everything on: one call, and the same sinks as the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.application import add_routes, create_app
from benchmarks.exporter import NoOpExporter
from benchmarks.transport import DSN, NoOpTransport
from steadfastapi import Sentry, Tracing, configure

if TYPE_CHECKING:
    from fastapi import FastAPI


def build(routes: int) -> FastAPI:
    """Configure the application."""
    app = create_app()
    configure(
        app,
        tracing=Tracing(exporter=NoOpExporter()),
        sentry=Sentry(dsn=DSN, options={"transport": NoOpTransport}),
    )
    return add_routes(app, routes)

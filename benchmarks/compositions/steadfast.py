"""steadfastapi with everything on: one call, and the same sinks as the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.application import add_routes, create_app
from benchmarks.exporter import NoOpExporter
from benchmarks.transport import DSN, NoOpTransport
from steadfastapi import Sentry, Tracing, configure

if TYPE_CHECKING:
    from fastapi import FastAPI

TENTH = 0.1


def build(routes: int) -> FastAPI:
    """Configure the application; every request is traced."""
    return _build(routes)


def build_with_a_tenth(routes: int) -> FastAPI:
    """The same with one trace in ten, as busy services have it."""
    return _build(routes, ratio=TENTH)


def build_with_a_limit(routes: int) -> FastAPI:
    """The same with one limit that every request counts against.

    SlowAPI has one in the usual composition, although it finds no route to check.
    """
    from benchmarks.compositions.usual import LIMIT  # noqa: PLC0415
    from steadfastapi import Limits  # noqa: PLC0415 - only this one may import it

    return _build(routes, limits=Limits(default=(LIMIT,)))


def _build(routes: int, *, ratio: float = 1.0, **layers: Any) -> FastAPI:
    app = create_app()
    configure(
        app,
        tracing=Tracing(ratio=ratio, exporter=NoOpExporter()),
        sentry=Sentry(dsn=DSN, options={"transport": NoOpTransport}),
        **layers,
    )
    return add_routes(app, routes)

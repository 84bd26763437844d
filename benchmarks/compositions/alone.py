"""steadfastapi with one layer on, and with none, to see what each one costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.application import add_routes, create_app
from steadfastapi import configure
from steadfastapi._configure import DEFAULT_LAYERS

if TYPE_CHECKING:
    from fastapi import FastAPI

OFF: dict[str, Any] = dict.fromkeys(DEFAULT_LAYERS, False)


def _build(routes: int, **layers: Any) -> FastAPI:
    app = create_app()
    configure(app, **{**OFF, **layers})
    return add_routes(app, routes)


def nothing(routes: int) -> FastAPI:
    """The exchange and its middleware: every layer is off."""
    return _build(routes)


def logs(routes: int) -> FastAPI:
    """One line per request."""
    return _build(routes, logs=True)


def contract(routes: int) -> FastAPI:
    """Errors as `{"detail": …}`."""
    return _build(routes, contract=True)


def metrics(routes: int) -> FastAPI:
    """Prometheus metrics."""
    return _build(routes, metrics=True)


def tracing(routes: int) -> FastAPI:
    """One span per request, all of them exported."""
    from benchmarks.exporter import NoOpExporter  # noqa: PLC0415
    from steadfastapi import Tracing  # noqa: PLC0415 - only this one may import it

    return _build(routes, tracing=Tracing(exporter=NoOpExporter()))


def sentry(routes: int) -> FastAPI:
    """Sentry, of which a request without an error sends nothing."""
    from benchmarks.transport import DSN, NoOpTransport  # noqa: PLC0415
    from steadfastapi import Sentry  # noqa: PLC0415 - only this one may import it

    return _build(routes, sentry=Sentry(dsn=DSN, options={"transport": NoOpTransport}))


def inbox(routes: int) -> FastAPI:
    """The inbox of errors, of which there are none."""
    return _build(routes, inbox=True)


def console(routes: int) -> FastAPI:
    """The console, which keeps the latest exchanges."""
    return _build(routes, console=True)


def health(routes: int) -> FastAPI:
    """Health checks, of which a request to the application asks none."""
    return _build(routes, health=True)


def slo(routes: int) -> FastAPI:
    """One availability and one latency objective for every route."""
    from steadfastapi import SLO, SLOs  # noqa: PLC0415 - only this one may import it

    objective = SLO(availability=99.9, latency=(0.25, 99.0))
    return _build(routes, slo=SLOs(slos=[objective]))


def watchdog(routes: int) -> FastAPI:
    """The watchdog of the event loop, which runs beside the requests."""
    return _build(routes, watchdog=True)

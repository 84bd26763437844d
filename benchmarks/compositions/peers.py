"""Libraries that wire several tools at once, each as its own documentation shows.

None of them does all that the usual composition does; the table says how many lines
and spans each one records. Where they would send, `NoOpExporter` and `NoOpTransport`
take it, as everywhere else.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from benchmarks.application import add_routes, create_app

if TYPE_CHECKING:
    from fastapi import FastAPI


def logfire(routes: int) -> FastAPI:
    """Logfire: spans with the endpoint's arguments, and a line on the console.

    `logfire.configure()` and `logfire.instrument_fastapi(app)` of its FastAPI page
    (logfire.pydantic.dev/docs/integrations/web-frameworks/fastapi), without its
    backend: `send_to_logfire=False`, and a span processor of our own instead, as its
    page on alternative backends says. Its console stays on, as the page leaves it.
    It has no Prometheus page, no Sentry and no limits.
    """
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    from benchmarks.exporter import NoOpExporter  # noqa: PLC0415

    module: Any = import_module("logfire")  # not installed for the type checker
    module.configure(
        send_to_logfire=False,
        service_name="bench",
        inspect_arguments=False,  # reads the caller's source: only for its own calls
        additional_span_processors=[BatchSpanProcessor(NoOpExporter())],
    )
    app = create_app()
    module.instrument_fastapi(app)
    return add_routes(app, routes)


def lite_bootstrap(routes: int) -> FastAPI:
    """lite-bootstrap: structlog, Instrumentator, OpenTelemetry contrib and Sentry.

    The `FastAPIConfig` of its FastAPI page (lite-bootstrap.modern-python.org/
    integrations/fastapi) with every instrument that says something about requests;
    the access line, which the page leaves to choice, because all others write one.
    Without CORS and offline documentation, which no other composition has. Its HTTP
    exporter rather than gRPC, which would cost more to import. It has no limits.
    """
    from benchmarks.exporter import NoOpExporter  # noqa: PLC0415
    from benchmarks.transport import DSN, NoOpTransport  # noqa: PLC0415

    bootstrap: Any = import_module("lite_bootstrap")
    opentelemetry: Any = import_module(
        "lite_bootstrap.instruments.opentelemetry_instrument"
    )
    opentelemetry.OTLPHttpSpanExporter = lambda **_address: NoOpExporter()
    config = bootstrap.FastAPIConfig(
        application=create_app(),
        service_name="bench",
        service_environment="test",
        fastapi_logging_middleware_enabled=True,
        opentelemetry_endpoint="http://collector.invalid:4318/v1/traces",
        opentelemetry_exporter_protocol="http",
        prometheus_metrics_path="/metrics",
        sentry_dsn=DSN,
        sentry_additional_params={"transport": NoOpTransport},
    )
    app: FastAPI = bootstrap.FastAPIBootstrapper(config).bootstrap()
    return add_routes(app, routes)


def flare(routes: int) -> FastAPI:
    """fastapi-flare: an inbox of errors, metrics of requests, and a dashboard.

    `setup(app)` of its README's quick start: SQLite in the working directory. It has
    no log lines, no spans, no Sentry and no limits.
    """
    module: Any = import_module("fastapi_flare")
    app = create_app()
    module.setup(app)
    return add_routes(app, routes)

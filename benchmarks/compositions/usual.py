"""The usual composition: one tool per concern, each wired as its tutorial shows.

- structlog: the pattern of most FastAPI tutorials: an `@app.middleware("http")` that
  clears and binds context variables, times the call and writes one line of JSON, with
  the trace ids by the processor of structlog's page on OpenTelemetry. Its fields are
  those of steadfastapi's access line. `PrintLogger`, which structlog's page on
  performance prefers to stdlib logging.
- prometheus-fastapi-instrumentator: the README's `Instrumentator().instrument(app)
  .expose(app)`.
- opentelemetry-instrumentation-fastapi: `FastAPIInstrumentor.instrument_app(app)` of
  its documentation, SDK provider, BatchSpanProcessor, every request sampled. FastAPI's
  native telemetry steps back for it.
- SlowAPI: `app.state.limiter`, handler and `SlowAPIMiddleware` of its documentation, a
  default limit that is never reached, in memory. From FastAPI 0.137 on SlowAPI finds
  no route inside of an included router and then checks nothing (slowapi#281): what it
  costs here is the middleware and the search.
"""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

import structlog
from opentelemetry import trace
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from prometheus_fastapi_instrumentator import Instrumentator

from benchmarks.application import add_routes, create_app
from benchmarks.exporter import NoOpExporter

if TYPE_CHECKING:
    from fastapi import FastAPI, Request, Response
    from starlette.middleware.base import RequestResponseEndpoint
    from structlog.typing import EventDict

LIMIT = "1000000000/minute"


def build(routes: int) -> FastAPI:
    """Wire all four."""
    app = create_app()
    _trace(app)
    _limit(app)
    _count(app)
    _log(app)
    return add_routes(app, routes)


def build_without_limits(routes: int) -> FastAPI:
    """Wire all but SlowAPI."""
    app = create_app()
    _trace(app)
    _count(app)
    _log(app)
    return add_routes(app, routes)


def _trace(app: FastAPI) -> None:
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: "bench"}))
    provider.add_span_processor(BatchSpanProcessor(NoOpExporter()))
    trace.set_tracer_provider(provider)
    FastAPIInstrumentor.instrument_app(app)


def _count(app: FastAPI) -> None:
    Instrumentator().instrument(app).expose(app)


def _limit(app: FastAPI) -> None:
    from slowapi import Limiter, _rate_limit_exceeded_handler  # noqa: PLC0415
    from slowapi.errors import RateLimitExceeded  # noqa: PLC0415
    from slowapi.middleware import SlowAPIMiddleware  # noqa: PLC0415
    from slowapi.util import get_remote_address  # noqa: PLC0415

    app.state.limiter = Limiter(key_func=get_remote_address, default_limits=[LIMIT])
    handler: Any = _rate_limit_exceeded_handler
    app.add_exception_handler(RateLimitExceeded, handler)
    app.add_middleware(SlowAPIMiddleware)


def _log(app: FastAPI) -> None:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            _add_trace,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(),
        cache_logger_on_first_use=True,
    )
    log = structlog.get_logger()

    @app.middleware("http")
    async def log_request(
        request: Request, call_next: RequestResponseEndpoint
    ) -> Response:
        structlog.contextvars.clear_contextvars()
        request_id = request.headers.get("x-request-id") or uuid.uuid4().hex
        structlog.contextvars.bind_contextvars(
            request_id=request_id,
            method=request.method,
            path=request.url.path,
            client=request.client.host if request.client else None,
        )
        started = time.perf_counter()
        response = await call_next(request)
        log.info(
            "request",
            route=getattr(request.scope.get("route"), "path", None),
            status=response.status_code,
            outcome="ok",
            duration_ms=round((time.perf_counter() - started) * 1000, 3),
        )
        response.headers["x-request-id"] = request_id
        return response


def _add_trace(_logger: Any, _method: str, event: EventDict) -> EventDict:
    span = trace.get_current_span()
    if span.is_recording():
        context = span.get_span_context()
        event["trace_id"] = format(context.trace_id, "032x")
        event["span_id"] = format(context.span_id, "016x")
    return event

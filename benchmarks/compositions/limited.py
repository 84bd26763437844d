"""Rate limits alone: SlowAPI's two middlewares, and ours, in memory, never reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.application import add_routes, create_app

if TYPE_CHECKING:
    from fastapi import FastAPI

LIMIT = "100000/second"
"""A default limit, as the applications of SlowAPI's documentation have one."""


def slowapi(routes: int) -> FastAPI:
    """`SlowAPIMiddleware`, the one of the documentation's first page."""
    from slowapi.middleware import SlowAPIMiddleware  # noqa: PLC0415

    return _with_slowapi(routes, SlowAPIMiddleware)


def slowapi_asgi(routes: int) -> FastAPI:
    """`SlowAPIASGIMiddleware`, which it recommends for speed."""
    from slowapi.middleware import SlowAPIASGIMiddleware  # noqa: PLC0415

    return _with_slowapi(routes, SlowAPIASGIMiddleware)


def ours(routes: int) -> FastAPI:
    """Steadfastapi with everything off but the limits."""
    from benchmarks.compositions.alone import OFF  # noqa: PLC0415
    from steadfastapi import Limits, configure  # noqa: PLC0415

    app = create_app()
    configure(app, **{**OFF, "limits": Limits(default=(LIMIT,))})
    return add_routes(app, routes)


def _with_slowapi(routes: int, middleware: Any) -> FastAPI:
    from slowapi import Limiter, _rate_limit_exceeded_handler  # noqa: PLC0415
    from slowapi.errors import RateLimitExceeded  # noqa: PLC0415
    from slowapi.util import get_remote_address  # noqa: PLC0415

    app = create_app()
    app.state.limiter = Limiter(
        key_func=get_remote_address,
        default_limits=[LIMIT],
        strategy="moving-window",
    )
    handler: Any = _rate_limit_exceeded_handler
    app.add_exception_handler(RateLimitExceeded, handler)
    app.add_middleware(middleware)
    return add_routes(app, routes)

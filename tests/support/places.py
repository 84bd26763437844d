"""Every place of an application where an error can come from."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Host, Route, Router

from support.asgi import App, Receive, Scope, Send

ORIGIN = "https://shop.example"
HOST = "api.shop.example"

Place = Callable[[FastAPI, Exception], str]
"""Makes a place of an application raise; returns a path that reaches it."""


def with_cors(app: FastAPI) -> FastAPI:
    """Let the browsers of one origin in."""
    app.add_middleware(CORSMiddleware, allow_origins=[ORIGIN])
    return app


def _raising(error: Exception) -> Callable[[], Any]:
    async def endpoint() -> None:
        raise error

    return endpoint


def direct(app: FastAPI, error: Exception) -> str:
    """An async endpoint of the application itself."""
    app.get("/x")(_raising(error))
    return "/x"


def sync(app: FastAPI, error: Exception) -> str:
    """A sync endpoint, which runs in a thread."""

    def endpoint() -> None:
        raise error

    app.get("/x")(endpoint)
    return "/x"


def dependency(app: FastAPI, error: Exception) -> str:
    """A dependency."""
    app.get("/x", dependencies=[Depends(_raising(error))])(lambda: None)
    return "/x"


def included(app: FastAPI, error: Exception) -> str:
    """An included router."""
    router = APIRouter()
    router.get("/x/{number}")(_raising(error))
    app.include_router(router, prefix="/r")
    return "/r/x/1"


def nested(app: FastAPI, error: Exception) -> str:
    """A router in a router."""
    inner, outer = APIRouter(prefix="/i"), APIRouter(prefix="/o")
    inner.get("/x")(_raising(error))
    outer.include_router(inner)
    app.include_router(outer)
    return "/o/i/x"


def mounted(app: FastAPI, error: Exception) -> str:
    """A mounted FastAPI application, through an included router."""
    sub = FastAPI()
    included(sub, error)
    app.mount("/m", sub)
    return "/m/r/x/1"


def mounted_twice(app: FastAPI, error: Exception) -> str:
    """A mounted application in a mounted application."""
    sub = FastAPI()
    path = mounted(sub, error)
    app.mount("/n", sub)
    return f"/n{path}"


def starlette(app: FastAPI, error: Exception) -> str:
    """A mounted Starlette application."""

    async def endpoint(request: Request) -> Response:
        raise error

    app.mount("/s", Starlette(routes=[Route("/x", endpoint)]))
    return "/s/x"


def plain_router(app: FastAPI, error: Exception) -> str:
    """A mounted router, which has no handlers of its own."""

    async def endpoint(request: Request) -> Response:
        raise error

    app.mount("/p", Router(routes=[Route("/x", endpoint)]))
    return "/p/x"


def host(app: FastAPI, error: Exception) -> str:
    """A FastAPI application behind a host name."""
    sub = FastAPI()
    path = direct(sub, error)
    app.router.routes.append(Host(HOST, app=sub))
    return path


ENDPOINTS: tuple[Place, ...] = (
    direct,
    sync,
    dependency,
    included,
    nested,
    mounted,
    mounted_twice,
    starlette,
    plain_router,
    host,
)
"""Where an exception meets exception handlers on its way."""


class Raising:
    """A pure ASGI middleware that fails."""

    def __init__(self, app: App, error: Exception) -> None:
        self.app = app
        self.error = error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Fail on requests."""
        if scope["type"] == "http":
            raise self.error
        await self.app(scope, receive, send)


class RaisingBase(BaseHTTPMiddleware):
    """The same in Starlette's convenient kind."""

    def __init__(self, app: App, error: Exception) -> None:
        super().__init__(app)
        self.error = error

    async def dispatch(
        self, request: Request, call_next: RequestResponseEndpoint
    ) -> Response:
        """Fail."""
        raise self.error


def inside_cors(app: FastAPI, error: Exception) -> str:
    """A middleware that the response of CORS surrounds."""
    app.user_middleware.clear()
    app.add_middleware(Raising, error=error)
    with_cors(app)
    return "/x"


def outside_cors(app: FastAPI, error: Exception) -> str:
    """A middleware around CORS."""
    app.add_middleware(Raising, error=error)
    return "/x"


def base_inside_cors(app: FastAPI, error: Exception) -> str:
    """A `BaseHTTPMiddleware` inside of CORS."""
    app.user_middleware.clear()
    app.add_middleware(RaisingBase, error=error)
    with_cors(app)
    return "/x"


def base_outside_cors(app: FastAPI, error: Exception) -> str:
    """A `BaseHTTPMiddleware` around CORS."""
    app.add_middleware(RaisingBase, error=error)
    return "/x"


def mounted_middleware(app: FastAPI, error: Exception) -> str:
    """A middleware of a mounted application."""
    sub = FastAPI()
    sub.add_middleware(Raising, error=error)
    app.mount("/m", sub)
    return "/m/x"


MIDDLEWARE: tuple[Place, ...] = (
    inside_cors,
    outside_cors,
    base_inside_cors,
    base_outside_cors,
    mounted_middleware,
)
"""Where nothing but the boundary stands between an exception and the server."""

"""Small applications and the parts that they are made of."""

from typing import Any

from fastapi import APIRouter, FastAPI, Response
from starlette.routing import Router
from starlette.types import Receive, Scope, Send

from steadfastapi import configure


def configured(app: FastAPI, **keywords: Any) -> FastAPI:
    """Configure an application with logs, contract and metrics, and return it."""
    configure(app, **{"tracing": False, "sentry": False, **keywords})
    return app


def router(prefix: str, path: str) -> APIRouter:
    """Return a router with one GET route, whose endpoint takes no parameters."""
    made = APIRouter(prefix=prefix)
    made.add_api_route(path, lambda: "ok")
    return made


def sub_app() -> FastAPI:
    """Return an application to mount: `/c/{z}`, and `/sr/d/{w}` by a router."""
    app = FastAPI()
    app.add_api_route("/c/{z}", lambda: "ok")
    app.include_router(router("/sr", "/d/{w}"))
    return app


async def opaque(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer without any routing."""
    await Response("ok")(scope, receive, send)


def built(app: FastAPI) -> list[type]:
    """Build the middleware of an application; return the classes, outermost first."""
    current: Any = app.build_middleware_stack()
    found: list[type] = []
    while not isinstance(current, Router):
        found.append(type(current))
        current = current.app
    return found

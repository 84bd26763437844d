"""An application with everything that steadfastapi may stand around."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import anyio
import anyio.lowlevel
from fastapi import BackgroundTasks, FastAPI, Request, Response, WebSocket
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import FileResponse, PlainTextResponse, StreamingResponse
from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.routing import Route

from steadfastapi import Health, Limits, limiter
from support.conformance_stack import conforming

if TYPE_CHECKING:
    from steadfastapi import Stack
    from support.asgi import App, Receive, Scope, Send
    from support.conformance import Seams

LIMITED_BODIES = "max_body_size" in FastAPI.__init__.__annotations__
"""Whether the framework has a body limit (FastAPI 0.165)."""

LIMIT = 100
"""Bytes of a body."""
ERROR = ValueError("a")
OFFERED: dict[str, Any] = {
    "extensions": {
        "http.response.trailers": {},
        "http.response.pathsend": {},
        "websocket.http.response": {},
    }
}


class Chunks:
    """A body; no generator, which trio wants closed when a client leaves."""

    def __init__(self, *, fail: bool = False) -> None:
        self._left = [b"a", b"b", ERROR if fail else b"c"]

    def __aiter__(self) -> Self:
        """Begin."""
        return self

    async def __anext__(self) -> bytes:
        """Return the next chunk."""
        if not self._left:
            raise StopAsyncIteration
        await anyio.lowlevel.checkpoint()
        chunk = self._left.pop(0)
        if isinstance(chunk, Exception):
            raise chunk
        return chunk


async def _trailers(scope: Scope, receive: Receive, send: Send) -> None:
    await send(
        {"type": "http.response.start", "status": 200, "headers": [], "trailers": True}
    )
    await send({"type": "http.response.body", "body": b"a"})
    await send({"type": "http.response.trailers", "headers": [(b"x-end", b"1")]})


async def _read(request: Request) -> Response:
    return PlainTextResponse(await request.body())


async def _crash() -> None:
    raise ERROR


async def _background(tasks: BackgroundTasks) -> str:
    tasks.add_task(anyio.lowlevel.checkpoint)
    return "a"


async def _failing_background(tasks: BackgroundTasks) -> str:
    tasks.add_task(_crash)
    return "a"


def _number(number: int) -> int:
    return number


async def _talk(websocket: WebSocket, what: str) -> None:
    if what == "refuse":
        await websocket.close(4001)
        return
    if what == "deny":
        await websocket.send_denial_response(PlainTextResponse("no", 403))
        return
    if what == "crash before":
        raise ERROR
    await websocket.accept(headers=[(b"x-a", b"1")])
    await websocket.send_text(await websocket.receive_text())
    if what == "crash after":
        raise ERROR
    if what == "close":
        await websocket.close(4000)


def shop(*, middleware: bool = True) -> tuple[App, Stack, Seams]:
    """Build an application that has everything that may be wrapped, all layers on."""
    options: dict[str, Any] = {"max_body_size": LIMIT} if LIMITED_BODIES else {}
    app = FastAPI(**options)
    mount = FastAPI(title="mount")
    app.mount("/m", mount)
    for each in (app, mount):
        each.get("/crash")(_crash)
        each.get("/crash/sync")(lambda: 1 / 0)
        each.get("/background")(_background)
        each.get("/background/crash")(_failing_background)
        each.get("/numbers/{number}")(_number)
        each.websocket("/ws/{what}")(_talk)
        each.router.routes.append(Route("/read", _read, methods=["POST"]))
    app.get("/plain")(lambda: "a")
    app.get("/stream")(lambda: StreamingResponse(Chunks()))
    app.get("/stream/crash")(lambda: StreamingResponse(Chunks(fail=True)))
    app.get("/empty", status_code=204)(lambda: None)
    app.get("/file")(lambda: FileResponse(__file__))
    app.get("/limited")(limiter.limit("1/minute")(lambda: "a"))
    app.router.routes.append(Route("/head", _read))
    app.mount("/trailers", _trailers)
    app.mount("/plain-starlette", Starlette(routes=[Route("/read", _read)]))
    if middleware:
        app.add_middleware(CORSMiddleware, allow_origins=["*"])
        app.add_middleware(BaseHTTPMiddleware, dispatch=_passing)
        mount.add_middleware(BaseHTTPMiddleware, dispatch=_passing)
    return conforming(
        app, [mount], sentry=False, limits=Limits(), health=Health(serve_503=True)
    )


async def _passing(request: Request, following: Any) -> Response:
    response: Response = await following(request)
    return response

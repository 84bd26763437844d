"""A body limit also holds for the application's own middleware."""

from typing import Any

import pytest
from fastapi import FastAPI, Request, Response, WebSocket
from starlette.middleware.base import RequestResponseEndpoint

from steadfastapi.contract.body_cap import ContentTooLargeError
from support.asgi import App, Receive, Scope, Send, call_websocket
from support.drive import in_loop
from support.places import ORIGIN, with_cors
from support.watch import Watch, ask, header, watched

LIMIT = 1_000
CHUNK = b"a" * 100
TOO_LARGE = b'{"detail":"Content Too Large"}'

pytestmark = pytest.mark.skipif(
    not hasattr(FastAPI(), "max_body_size"), reason="this FastAPI has no body limit"
)


class Reader:
    """A middleware that reads the whole body first, and counts it."""

    def __init__(self, app: App, read: list[int]) -> None:
        self.app = app
        self.read = read

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read, then pass everything on."""
        messages = []
        if scope["type"] == "http":
            messages.append(await receive())
            while messages[-1].get("more_body"):
                self.read.append(len(messages[-1]["body"]))
                messages.append(await receive())

        async def replay() -> Any:
            return messages.pop(0) if messages else await receive()

        await self.app(scope, replay, send)


def limited(read: list[int]) -> tuple[FastAPI, Watch]:
    """Build a limited application whose middleware reads bodies."""
    app = FastAPI(max_body_size=LIMIT)

    @app.post("/size")
    async def size(request: Request) -> int:
        return len(await request.body())

    app.add_middleware(Reader, read=read)
    return app, watched(with_cors(app))


@pytest.mark.parametrize("announced", [None, 100 * len(CHUNK)])
def test_a_middleware_that_reads_is_stopped_at_the_limit(announced: int | None) -> None:
    """The client gets the 413 of the contract, and the rest is never read."""
    read: list[int] = []
    app, watch = limited(read)
    headers = [("Origin", ORIGIN)]
    if announced is not None:
        headers.append(("Content-Length", str(announced)))

    result = ask(app, "POST", "/size", body=[CHUNK] * 100, headers=headers)

    assert (413, TOO_LARGE) == (result.status, result.body)
    assert ["application/json"] == header(result, "content-type")
    assert [ORIGIN] == header(result, "access-control-allow-origin")
    assert [watch.exchanges[0].id] == header(result, "x-request-id")
    assert "client_error" == watch.exchanges[0].outcome
    assert [] == watch.errors
    assert result.exception is None
    assert (0 if announced else LIMIT) == sum(read)


def test_a_body_within_the_limit_passes() -> None:
    """Exactly the limit is allowed, whoever reads it."""
    app, _ = limited([])

    result = ask(app, "POST", "/size", body=[CHUNK] * 10)

    assert (200, b"1000") == (result.status, result.body)


def test_a_route_may_allow_more_than_the_application() -> None:
    """A limit of a route's own counts, where no middleware has read before."""
    limit: dict[str, Any] = {"max_body_size": 10 * LIMIT}
    app = FastAPI(max_body_size=LIMIT)

    @app.post("/upload", **limit)
    async def upload(request: Request) -> int:
        return len(await request.body())

    watched(app)

    result = ask(app, "POST", "/upload", body=[CHUNK] * 50)

    assert (200, b"5000") == (result.status, result.body)


def test_a_middleware_of_starlettes_kind_is_stopped_too() -> None:
    """`request.body()` in a decorated middleware raises, and the client gets 413."""
    app, read = FastAPI(max_body_size=LIMIT), list[int]()

    @app.middleware("http")
    async def reading(request: Request, call_next: RequestResponseEndpoint) -> Response:
        read.append(len(await request.body()))
        return await call_next(request)

    watch = watched(app)

    result = ask(app, "POST", "/size", body=[CHUNK] * 100)

    assert (413, TOO_LARGE) == (result.status, result.body)
    assert [] == read
    assert [] == watch.errors


def test_a_limit_met_after_the_start_ends_the_response() -> None:
    """Nothing is sent twice: the server gets the exception, and it is reported."""
    app = FastAPI(max_body_size=LIMIT)

    class Echo:
        """Answer while reading."""

        def __init__(self, app: App) -> None:
            self.app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            while (await receive()).get("more_body"):
                await send(
                    {"type": "http.response.body", "body": b"a", "more_body": True}
                )

    app.add_middleware(Echo)
    watch = watched(app)

    result = ask(app, "POST", "/", body=[CHUNK] * 100)

    assert (200, b"a" * 10) == (result.status, result.body)
    assert isinstance(result.exception, ContentTooLargeError)
    assert [result.exception] == watch.errors
    assert "server_error" == watch.exchanges[0].outcome


def test_a_websocket_has_no_body() -> None:
    """Frames are not counted."""
    app, _ = limited([])

    @app.websocket("/ws")
    async def echo(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(await websocket.receive_text())
        await websocket.close()

    frame = "a" * (2 * LIMIT)
    result = in_loop(call_websocket, app, "/ws", incoming=[frame])

    assert [frame] == [m["text"] for m in result.messages if "text" in m]


def test_waiting_for_a_disconnect_after_a_refusal_is_no_error() -> None:
    """A middleware that listens on after the 413 hears what the server says."""
    app, heard = FastAPI(max_body_size=LIMIT), list[str]()

    class Listening:
        """Wait for the end of the connection."""

        def __init__(self, app: App) -> None:
            self.app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            await self.app(scope, receive, send)
            while "http.disconnect" not in heard:
                heard.append((await receive())["type"])

    @app.post("/size")
    async def size(request: Request) -> int:
        return len(await request.body())

    app.add_middleware(Listening)
    watched(app)
    headers = [("Content-Length", str(2 * LIMIT))]

    result = ask(app, "POST", "/size", body=[CHUNK] * 5, headers=headers)

    assert (413, TOO_LARGE, None) == (result.status, result.body, result.exception)
    assert "http.disconnect" == heard[-1]

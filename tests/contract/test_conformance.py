"""The ASGI specification, held at every seam: what we send, and what we pass on."""

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import pytest
from fastapi import BackgroundTasks, FastAPI, Request, Response, WebSocket
from fastapi.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from steadfastapi import Plan
from support.apps import configured
from support.asgi import (
    AsgiResult,
    AsgiValidator,
    Message,
    Receive,
    Scope,
    Send,
    call,
    call_websocket,
)
from support.drive import in_loop

CRASH = b'{"detail":"Internal server error"}'
ERROR = ValueError("a")


class Validators:
    """A foreign layer with a validator in each slot that stands open."""

    name = "validators"

    def contribute(self, plan: Plan) -> None:
        """Stand outside of the exchange and inside of the boundary."""
        plan.piece("server_span", AsgiValidator)
        plan.piece("limits", AsgiValidator)


async def _chunks(fail: bool = False) -> AsyncIterator[bytes]:
    yield b"a"
    yield b"b"
    if fail:
        raise ERROR
    yield b"c"


async def _trailers(scope: Scope, receive: Receive, send: Send) -> None:
    await send(
        {"type": "http.response.start", "status": 200, "headers": [], "trailers": True}
    )
    await send({"type": "http.response.body", "body": b"a"})
    await send({"type": "http.response.trailers", "headers": [(b"x-end", b"1")]})


async def _read(request: Request) -> Response:
    return PlainTextResponse(await request.body())


def shop(*, steadfast: bool) -> FastAPI:
    """Build an application with a validator around everything that it may wrap."""
    app = FastAPI()
    app.get("/plain")(lambda: "a")
    app.get("/stream")(lambda: StreamingResponse(_chunks()))
    app.get("/stream/crash")(lambda: StreamingResponse(_chunks(fail=True)))
    app.get("/empty", status_code=204)(lambda: None)
    app.router.routes.append(Route("/head", _read))
    app.router.routes.append(Route("/read", _read, methods=["POST"]))
    app.mount("/trailers", _trailers)
    app.mount("/m", sub := FastAPI())
    for each in (app, sub):
        each.get("/crash")(_crash)
        each.get("/background")(_background)
        each.get("/background/crash")(_failing_background)
        each.websocket("/ws/{what}")(_talk)
    app.add_middleware(AsgiValidator)
    sub.add_middleware(AsgiValidator)
    if steadfast:
        configured(app, limits=False, extra=[Validators()])
    return app


async def _crash() -> None:
    raise ERROR


async def _background(tasks: BackgroundTasks, request: Request) -> str:
    tasks.add_task(request.state.done.append, "task")
    return "a"


async def _failing_background(tasks: BackgroundTasks) -> str:
    tasks.add_task(_crash)
    return "a"


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
    await websocket.close(4000)


HTTP = {
    "GET": partial(call, path="/plain"),
    "HEAD": partial(call, method="HEAD", path="/head"),
    "a body in chunks": partial(call, method="POST", path="/read", body=[b"a", b"b"]),
    "204": partial(call, path="/empty"),
    "stream": partial(call, path="/stream"),
    "trailers": partial(call, path="/trailers/"),
    "task": partial(call, path="/background"),
    "task in a mount": partial(call, path="/m/background"),
    "task that crashes": partial(call, path="/background/crash"),
    "task that crashes in a mount": partial(call, path="/m/background/crash"),
    "crash mid-stream": partial(call, path="/stream/crash"),
    "disconnect before": partial(call, path="/stream", disconnect_after=0),
    "disconnect mid-stream": partial(call, path="/stream", disconnect_after=2),
    "a body that ends early": partial(
        call, method="POST", path="/read", body=b"a", truncated=True
    ),
}
WEBSOCKETS = {
    f"WebSocket: {what}{where}": partial(
        call_websocket, path=f"{where}/ws/{what}", incoming=["hello"]
    )
    for what in ("talk", "refuse", "deny", "crash before", "crash after")
    for where in ("", "/m")
}
"""What the contract leaves alone."""


@pytest.mark.parametrize("drive", (HTTP | WEBSOCKETS).values(), ids=HTTP | WEBSOCKETS)
def test_what_the_contract_leaves_alone_is_passed_on_as_it_was(
    drive: Callable[..., Awaitable[AsgiResult]],
) -> None:
    """The same messages in the same order, the same exception, the request id apart."""
    ends = []
    for steadfast in (False, True):
        done: list[str] = []
        app = AsgiValidator(shop(steadfast=steadfast))
        result = in_loop(drive, app, scope={"state": {"done": done}})
        ends.append((_without_id(result), repr(result.exception), done))

    assert ends[0] == ends[1]


def _without_id(result: AsgiResult) -> list[Message]:
    for message in result.messages:
        if "headers" in message:
            kept = [item for item in message["headers"] if item[0] != b"x-request-id"]
            message["headers"] = kept
    return result.messages


@pytest.mark.parametrize("path", ["/crash", "/m/crash"])
def test_a_crash_before_the_start_is_one_response_and_one_exception(path: str) -> None:
    """The contract sends one start and one body; the server gets the exception."""
    result = in_loop(call, AsgiValidator(shop(steadfast=True)), path=path)

    kinds = [message["type"] for message in result.messages]
    assert ["http.response.start", "http.response.body"] == kinds
    assert (500, CRASH) == (result.status, result.body)
    assert ERROR is result.exception


@pytest.mark.parametrize("path", ["/plain", "/crash", "/m/crash", "/nowhere"])
def test_a_client_that_is_gone_breaks_no_order(path: str) -> None:
    """Errors and refusals for nobody are sent in order too."""
    app = AsgiValidator(shop(steadfast=True))

    result = in_loop(call, app, path=path, disconnect_after=0)

    assert [] == result.messages
    assert (ERROR if "crash" in path else None) is result.exception


def test_the_lifespan_is_one_startup_and_one_shutdown() -> None:
    """Our parts around the application's lifespan add no message of their own."""
    with TestClient(AsgiValidator(shop(steadfast=True))) as client:
        assert 200 == client.get("/plain").status_code

"""What the in-process driver and the validator promise."""

import asyncio
import contextvars

import pytest
from fastapi import FastAPI, Request, WebSocket

from support.asgi import (
    AsgiOrderError,
    AsgiValidator,
    Message,
    Receive,
    Scope,
    Send,
    call,
    call_websocket,
)

START = {"type": "http.response.start", "status": 200, "headers": []}
BODY = {"type": "http.response.body", "body": b""}
CHUNK = {"type": "http.response.body", "body": b"a", "more_body": True}
ACCEPT = {"type": "websocket.accept"}
SEND = {"type": "websocket.send", "text": ""}
CLOSE = {"type": "websocket.close"}

seen = contextvars.ContextVar("seen", default=False)


class Sender:
    """An application that sends fixed messages."""

    def __init__(self, *messages: Message) -> None:
        self.messages = messages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them all."""
        for message in self.messages:
            await send(dict(message))


def shop() -> FastAPI:
    """Build a small application."""
    app = FastAPI()

    @app.post("/echo/{name}")
    async def echo(name: str, q: str, request: Request) -> dict[str, str]:
        seen.set(True)
        body = await request.body()
        return {"got": f"{name} {q} {body.decode()} {request.headers['x-a']}"}

    @app.get("/boom")
    async def boom() -> None:
        raise ValueError("boom")

    @app.websocket("/ws")
    async def talk(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(await websocket.receive_text())
        await websocket.close(4000)

    return app


def test_a_request_goes_through_a_real_application() -> None:
    """Path, query, headers and chunks arrive; context variables stay inside."""
    result = asyncio.run(
        call(
            AsgiValidator(shop()),
            "POST",
            "/echo/%C3%A4?q=1",
            headers=[("X-A", "2")],
            body=[b"a", b"b"],
        )
    )

    assert (200, '{"got":"ä 1 ab 2"}'.encode()) == (result.status, result.body)
    assert (b"content-type", b"application/json") in result.headers
    assert result.exception is None
    assert not seen.get()


def test_an_exception_is_returned_with_what_was_sent_before() -> None:
    """The driver shows what a server would have got."""
    result = asyncio.run(call(shop(), path="/boom"))

    assert "ValueError('boom')" == repr(result.exception)
    assert 500 == result.status


def test_a_client_that_has_gone_gets_no_more() -> None:
    """After the disconnect, receive says so and sends are lost."""
    received: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        received.extend([(await receive())["type"] for _ in range(2)])
        await send(BODY)

    result = asyncio.run(call(app, disconnect_after=1))

    assert [START] == result.messages
    assert ["http.request", "http.disconnect"] == received


def test_an_upload_can_be_cut() -> None:
    """A truncated body ends in a disconnect that the framework notices."""
    app = shop()
    sent = call(
        app, "POST", "/echo/a?q=1", headers=[("x-a", "")], body=b"{", truncated=True
    )

    assert "ClientDisconnect" == type(asyncio.run(sent).exception).__name__


def test_a_websocket_goes_through_a_real_application() -> None:
    """Messages go both ways and the close code is seen."""
    app = AsgiValidator(shop())

    result = asyncio.run(call_websocket(app, "/ws", incoming=["hi"]))

    types = [message["type"].partition(".")[2] for message in result.messages]
    assert ["accept", "send", "close"] == types
    assert ("hi", 4000) == (result.messages[1]["text"], result.close_code)


@pytest.mark.parametrize(
    "messages",
    [
        (),
        (START,),
        (BODY,),
        (START, START),
        (START, CHUNK),
        (START, BODY, BODY),
        (START, BODY, {"type": "http.response.trailers"}),
        ({**START, "status": "200"}, BODY),
        ({**START, "headers": [("a", "b")]}, BODY),
        ({**START, "headers": [(b"A", b"b")]}, BODY),
        ({**START, "headers": [(b"a", b"b\r\nc: d")]}, BODY),
        (START, {**BODY, "body": "text"}),
        (START, {"type": "http.response.pathsend", "path": "/a"}),
    ],
)
def test_http_violations_are_reported(messages: tuple[Message, ...]) -> None:
    """Each message out of order or of a wrong type fails the test."""
    result = asyncio.run(call(AsgiValidator(Sender(*messages))))

    assert AsgiOrderError is type(result.exception)


@pytest.mark.parametrize(
    "messages",
    [
        (),
        (SEND,),
        (ACCEPT, ACCEPT),
        (ACCEPT, CLOSE, SEND),
        (ACCEPT, {**SEND, "bytes": b""}),
        (ACCEPT, {"type": "websocket.send", "bytes": "text"}),
        ({"type": "websocket.http.response.start", "status": 403},),
    ],
)
def test_websocket_violations_are_reported(messages: tuple[Message, ...]) -> None:
    """Each message out of order or of a wrong type fails the test."""
    result = asyncio.run(call_websocket(AsgiValidator(Sender(*messages))))

    assert AsgiOrderError is type(result.exception)


def test_a_swallowed_violation_is_reported_at_the_end() -> None:
    """A guard inside the application cannot hide it."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await Sender(START, BODY)(scope, receive, send)
        with pytest.raises(AsgiOrderError):
            await send(BODY)

    assert AsgiOrderError is type(asyncio.run(call(AsgiValidator(app))).exception)

"""How a WebSocket connection is written down."""

import asyncio
from typing import Any

import pytest

from steadfastapi import Exchange
from steadfastapi._boundary import ErrorBoundary
from steadfastapi._middleware import ExchangeMiddleware
from steadfastapi._observers import Observers
from support.asgi import (
    App,
    AsgiResult,
    AsgiValidator,
    Message,
    Receive,
    Scope,
    Send,
    call_websocket,
)
from support.drive import in_loop

ACCEPT: Message = {"type": "websocket.accept", "headers": [(b"x-a", b"1")]}


class Talker:
    """An application that sends messages, reads to the end, and may raise."""

    def __init__(
        self,
        *messages: Message,
        error: BaseException | None = None,
        listens: bool = False,
    ) -> None:
        self.messages = messages
        self.error = error
        self.listens = listens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Talk."""
        await receive()
        for message in self.messages:
            await send(dict(message))
        while self.listens and (await receive())["type"] != "websocket.disconnect":
            pass
        if self.error is not None:
            raise self.error


def recorded(app: App, **request: Any) -> tuple[Exchange, AsgiResult]:
    """Open one connection; return its record and what the client saw."""
    seen: list[Exchange] = []
    wrapped = ExchangeMiddleware(
        ErrorBoundary(app), observers=Observers(finish=(("test", seen.append),))
    )
    result = in_loop(call_websocket, AsgiValidator(wrapped), **request)
    (exchange,) = seen
    return exchange, result


def test_frames_are_counted_in_bytes() -> None:
    """Text counts as the UTF-8 that crosses the wire."""
    exchange, result = recorded(
        Talker(
            ACCEPT,
            {"type": "websocket.send", "text": "äö"},
            {"type": "websocket.send", "bytes": b"\x00"},
            listens=True,
        ),
        incoming=["ä", b"123"],
    )

    assert ("WEBSOCKET", 5, 5) == (
        exchange.method,
        exchange.request_size,
        exchange.response_size,
    )
    assert [(b"x-a", b"1"), (b"x-request-id", exchange.id.encode())] == result.headers


@pytest.mark.parametrize(("sent", "code"), [(1000, 1000), (4321, 4321), (None, 1005)])
def test_the_code_of_a_client_that_leaves_is_kept(sent: int, code: int) -> None:
    """A close frame without a code counts as 1005, as the RFC says."""
    exchange, _ = recorded(Talker(ACCEPT, listens=True), close_code=sent)

    assert (101, code, "ok") == (exchange.status, exchange.close_code, exchange.outcome)


@pytest.mark.parametrize(("close", "code"), [({}, 1000), ({"code": 4001}, 4001)])
def test_the_code_of_an_application_that_closes_is_kept(
    close: dict[str, int], code: int
) -> None:
    """The client's answer to it does not replace it."""
    farewell: Message = {"type": "websocket.close", **close}
    exchange, _ = recorded(Talker(ACCEPT, farewell, listens=True), close_code=1001)

    assert (101, code, "ok") == (exchange.status, exchange.close_code, exchange.outcome)


def test_a_refused_handshake_is_a_403() -> None:
    """That is what servers send for a close before the accept."""
    exchange, _ = recorded(Talker({"type": "websocket.close", "code": 1008}))

    assert (403, 1008, "client_error", None) == (
        exchange.status,
        exchange.close_code,
        exchange.outcome,
        exchange.first_byte,
    )


def test_a_denial_response_has_its_status_and_our_id() -> None:
    """The HTTP response in place of the handshake."""
    exchange, result = recorded(
        Talker(
            {"type": "websocket.http.response.start", "status": 401, "headers": []},
            {"type": "websocket.http.response.body", "body": b"no"},
        )
    )

    assert (401, None, "client_error") == (
        exchange.status,
        exchange.close_code,
        exchange.outcome,
    )
    assert [(b"x-request-id", exchange.id.encode())] == result.headers


@pytest.mark.parametrize(("messages", "status"), [([], 500), ([ACCEPT], 101)])
def test_a_crash_closes_with_1011(messages: list[Message], status: int) -> None:
    """Before the handshake the server answers 500; the exception goes on."""
    error = ValueError("crash")
    exchange, result = recorded(Talker(*messages, error=error))

    assert (status, 1011, "server_error") == (
        exchange.status,
        exchange.close_code,
        exchange.outcome,
    )
    assert error is exchange.error
    assert error is result.exception


def test_a_connection_that_is_given_up_is_aborted() -> None:
    """The server shuts down, say: the cancellation goes on."""
    seen: list[Exchange] = []
    app = ExchangeMiddleware(
        Talker(ACCEPT, error=asyncio.CancelledError()),
        observers=Observers(finish=(("test", seen.append),)),
    )

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        pass

    async def serve() -> None:
        with pytest.raises(asyncio.CancelledError):
            await app({"type": "websocket", "path": "/", "headers": []}, receive, send)

    asyncio.run(serve())

    assert ["aborted"] == [exchange.outcome for exchange in seen]

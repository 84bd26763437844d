"""CTX-7 to CTX-9: what crosses the wire is what the protocol allows."""

import re
from collections.abc import AsyncIterator
from typing import Any, Literal

import pytest
from fastapi import APIRouter, FastAPI, WebSocket
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from steadfastapi.testing import Captured, capture
from support.apps import configured
from support.asgi import AsgiResult, call
from support.drive import in_loop
from support.raw import RawResponse, parse_response, raw_request
from support.server import LiveServer

NEW_ID = re.compile(rb"[0-9a-f]{32}")
Parser = Literal["h11", "httptools"]
both_parsers = pytest.mark.parametrize("http", ["h11", "httptools"])


class Swallow:
    """A middleware that turns every exception into a response, as many do."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, and answer what is raised."""
        try:
            await self.app(scope, receive, send)
        except ValueError:
            await Response("swallowed", status_code=503)(scope, receive, send)


def crashing() -> FastAPI:
    """Return an application that raises before, or in the middle of a response."""
    app = configured(FastAPI())
    error = app.state.error = ValueError("mid-stream")

    async def chunks() -> AsyncIterator[bytes]:
        yield b"first"
        raise error

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        return StreamingResponse(chunks())

    @app.get("/crash")
    async def crash() -> None:
        raise error

    return app


def starts(result: AsgiResult) -> list[int]:
    """Return the status of every start that was sent."""
    return [
        message["status"]
        for message in result.messages
        if message["type"] == "http.response.start"
    ]


def errors(seen: Captured) -> tuple[int, float]:
    """Return how often the error was logged, and counted."""
    return (
        len(seen.events("unhandled error")),
        seen.metric("http_exceptions_total", type="ValueError"),
    )


@pytest.mark.parametrize(("path", "status"), [("/stream", 200), ("/crash", 500)])
def test_ctx_7_an_error_is_raised_again_after_one_start(path: str, status: int) -> None:
    """The server gets the exception itself; it is logged and counted once."""
    app = crashing()
    with capture(app) as seen:
        result: AsgiResult = in_loop(call, app, path=path)

    assert [status] == starts(result)
    assert app.state.error is result.exception
    assert (1, 1) == errors(seen)
    assert ["server_error"] == [exchange.outcome for exchange in seen.exchanges]


@pytest.mark.parametrize(("path", "status"), [("/stream", 200), ("/crash", 500)])
def test_ctx_7_a_swallowing_middleware_adds_no_start(path: str, status: int) -> None:
    """Its second response goes nowhere; the error is logged and counted once."""
    app = crashing()
    app.add_middleware(Swallow)
    with capture(app) as seen:
        result: AsgiResult = in_loop(call, app, path=path)

    assert [status] == starts(result)
    assert b"swallowed" not in result.body
    assert (1, 1) == errors(seen)


@both_parsers
@pytest.mark.parametrize("swallowed", [False, True])
def test_ctx_7_the_connection_is_aborted(http: Parser, swallowed: bool) -> None:
    """Over a real uvicorn: one status line, no end of the body, connection closed."""
    app = crashing()
    if swallowed:
        app.add_middleware(Swallow)
    with capture(app) as seen, LiveServer(app, http=http) as server:
        request = b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n"
        answer = raw_request(server.host, server.port, request)

    assert 1 == answer.count(b"HTTP/1.1 ")
    assert b"first" == parse_response(answer).body
    assert not answer.endswith(b"0\r\n\r\n")
    assert (1, 1) == errors(seen)


def talking() -> FastAPI:
    """Return an application with WebSockets in an included router."""
    app = FastAPI()
    router = APIRouter(prefix="/p")

    @router.websocket("/echo/{room}")
    async def echo(socket: WebSocket, room: str) -> None:
        await socket.accept(subprotocol="chat", headers=[(b"x-room", room.encode())])
        await socket.send_text(await socket.receive_text())
        await socket.send_bytes(await socket.receive_bytes())
        await socket.close(4001, "enough")

    @router.websocket("/listen")
    async def listen(socket: WebSocket) -> None:
        await socket.accept()
        async for _ in socket.iter_text():
            pass

    @router.websocket("/crash")
    async def crash(socket: WebSocket) -> None:
        await socket.accept()
        raise ValueError

    @router.websocket("/refuse")
    async def refuse(socket: WebSocket) -> None:
        await socket.close()

    app.include_router(router)
    return app


def talk(server: LiveServer, path: str, *sent: str | bytes) -> list[Any]:
    """Open a WebSocket, send and receive in turn; return all that came back."""
    url = f"ws://{server.host}:{server.port}{path}"
    try:
        with connect(url, subprotocols=["chat"]) as socket:  # type: ignore[list-item]
            assert socket.response is not None
            got: list[Any] = [socket.subprotocol, socket.response.headers.get("x-room")]
            for frame in sent:
                socket.send(frame)
                got.append(socket.recv(5))
            if path.startswith("/p/listen"):
                return got
            socket.recv(5)
    except ConnectionClosed as closed:
        return [*got, closed.rcvd and (closed.rcvd.code, closed.rcvd.reason)]
    except InvalidStatus as refused:
        return [refused.response.status_code]
    return got


def test_ctx_8_frames_pass_and_every_connection_is_recorded() -> None:
    """A client sees what it sees without us; count, duration, code per template."""
    conversations: list[tuple[Any, ...]] = [
        ("/p/echo/red", "hello", b"\x00\xff"),
        ("/p/listen",),
        ("/p/crash",),
        ("/p/refuse",),
        ("/nowhere",),
    ]
    with LiveServer(talking()) as server:
        control = [talk(server, *each) for each in conversations]
    app = configured(talking())
    with capture(app) as seen, LiveServer(app) as server:
        answers = [talk(server, *each) for each in conversations]

    assert ["chat", "red", "hello", b"\x00\xff", (4001, "enough")] == answers[0]
    assert control == answers
    records = {
        exchange.route: (exchange.status, exchange.close_code, exchange.outcome)
        for exchange in seen.exchanges
    }
    assert {
        "/p/echo/{room}": (101, 4001, "ok"),
        "/p/listen": (101, 1000, "ok"),
        "/p/crash": (101, 1011, "server_error"),
        "/p/refuse": (403, 1000, "client_error"),
        None: (403, 1000, "client_error"),
    } == records
    assert [7, 7] == [
        (exchange.request_size, exchange.response_size)[side]
        for exchange in seen.exchanges
        if exchange.route == "/p/echo/{room}"
        for side in (0, 1)
    ]
    for route in records:
        handler = route or "none"
        assert 1 == seen.metric("websocket_connections_total", handler=handler)
        assert 1 == seen.metric(
            "websocket_connection_duration_seconds_count", handler=handler
        )
    assert 1 == seen.metric("websocket_connections_total", code="1011")
    assert [code for _, code, _ in records.values()] == [
        line["close_code"] for line in seen.events("websocket")
    ]


KEPT = [b"abcd-123", b"0" * 128, b"A.b_c-D9", b"7fffffff-aaaa.bbbb"]
REPLACED = [b"seven77", b"0" * 129, b"a=1 tenantId=x", b"quote\"',{}[]", b"x" * 8192]
WIRE = [
    b"",
    b"esc-\x1b[31m-red",
    b"c1-\x9b31m-red",
    b"\xff\xfe\xff\xfe\xff\xfe\xff\xfe",
    b"tab\tseparated",
    b"utf-8-\xc3\xa4",
    b"nul-\x00-byte",
    b"bare-cr-\r-here",
    b"bare-lf-\n-here",
    b"x" * 60_000,
    b"x" * 1_000_000,
]
"""What a server may refuse itself, each parser something else; neither all of it."""


def request_ids(response: RawResponse) -> list[bytes]:
    """Return every request id of a response."""
    return response.values(b"x-request-id")


def ask(server: LiveServer, *ids: bytes, origin: bytes = b"") -> bytes:
    """Send one GET with request ids; return the raw answer."""
    headers = b"".join(b"X-Request-ID: " + value + b"\r\n" for value in ids)
    if origin:
        headers += b"Origin: " + origin + b"\r\n"
    return raw_request(
        server.host,
        server.port,
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + headers + b"\r\n",
    )


@both_parsers
def test_ctx_9_only_a_well_formed_id_is_kept_and_echoed_once(http: Parser) -> None:
    """Whatever comes in, one id goes out, to the client and into one log line."""
    app = configured(FastAPI())
    app.add_api_route("/", lambda: "ok")
    with capture(app) as seen, LiveServer(app, http=http) as server:
        kept = [parse_response(ask(server, value)) for value in KEPT]
        others = [ask(server, value) for value in REPLACED + WIRE]
        twice = parse_response(ask(server, KEPT[0], KEPT[1]))

    served = [raw for raw in others if raw.startswith(b"HTTP/1.1 200 ")]
    assert len(others) - 6 <= len(served)
    replaced = [parse_response(raw) for raw in served]
    assert [[value] for value in KEPT] == [request_ids(one) for one in kept]
    for response in replaced:
        (fresh,) = request_ids(response)
        assert NEW_ID.fullmatch(fresh)
    assert 1 == len(request_ids(twice))
    assert [
        request_ids(response)[0].decode() for response in (*kept, *replaced, twice)
    ] == [line["request_id"] for line in seen.events("request")]
    assert all(line.isascii() and line.isprintable() for line in seen.log_lines)


@both_parsers
def test_ctx_9_the_id_is_exposed_to_scripts_of_other_origins(http: Parser) -> None:
    """CORS middleware that knows nothing of the header lets a script read it."""
    app = configured(FastAPI())
    app.add_api_route("/", lambda: "ok")
    app.add_middleware(
        CORSMiddleware,
        allow_origins=["https://shop.example"],
        expose_headers=["X-Total"],
    )
    with LiveServer(app, http=http) as server:
        trusted = parse_response(ask(server, origin=b"https://shop.example"))
        other = parse_response(ask(server, origin=b"https://evil.example"))

    exposed = b"access-control-expose-headers"
    assert [b"X-Total, X-Request-ID"] == trusted.values(exposed)
    assert [] == [value for value in other.values(exposed) if b"X-Request" in value]

"""What passes between server and application, written down on the exchange."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

import anyio

from steadfastapi._exchange import CLIENT_CLOSED_REQUEST, Exchange, outcome_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import Message, Receive, Send

PATIENCE = 0.5
"""Seconds. A response that starts later than this may start for nobody: servers take
it silently, so the server is asked first (PROM-10). Who gives up is not faster, and
what is answered in time pays nothing."""


class HTTPRecorder:
    """Watches the messages of one HTTP request."""

    __slots__ = (
        "_ahead",
        "_awaits_trailers",
        "_dropping",
        "_has_origin",
        "_receive",
        "_receiving",
        "_send",
        "exchange",
    )

    def __init__(
        self,
        exchange: Exchange,
        receive: Receive,
        send: Send,
        has_origin: bool,
    ) -> None:
        self.exchange = exchange
        self._receive = receive
        self._send = send
        self._has_origin = has_origin
        self._awaits_trailers = False
        self._dropping = False
        self._receiving = 0
        self._ahead: Message | None = None

    async def receive(self) -> Message:
        """Pass on what the client sends; count it and notice that it left."""
        if self._ahead is not None:
            message, self._ahead = self._ahead, None
        else:
            self._receiving += 1
            try:
                message = await self._receive()
            finally:
                self._receiving -= 1
        exchange = self.exchange
        if message["type"] == "http.request":
            exchange.request_size += len(message.get("body", b""))
        elif message["type"] == "http.disconnect" and exchange.end is None:
            exchange.disconnected = True
        return message

    async def send(self, message: Message) -> None:
        """Pass on what the application sends; record it."""
        kind = message["type"]
        exchange = self.exchange
        if kind == "http.response.start":
            if exchange.status is not None and exchange.error is not None:
                # The boundary has answered an error, and a middleware that caught
                # the same error answers again. One response, one start (CTX-7).
                self._dropping = True
            else:
                if perf_counter() - exchange.start > PATIENCE:
                    await self._look_ahead()
                message = self._started(message)
        if self._dropping:
            return
        try:
            await self._send(message)
        except OSError:
            exchange.disconnected = True
            raise
        if kind != "http.response.start":
            self._sent(kind, message)

    async def _look_ahead(self) -> None:
        """Notice a client that left while nobody was reading; keep what it sent."""
        if self._receiving or self._ahead is not None or self.exchange.disconnected:
            return  # whoever is reading sees it leave
        with anyio.CancelScope() as scope:
            scope.cancel()  # only what is there already: this waits for nothing
            message = await self._receive()
            self._ahead = message
            if message["type"] == "http.disconnect":
                self.exchange.disconnected = True

    def _sent(self, kind: str, message: Message) -> None:
        exchange = self.exchange
        more = False
        if kind == "http.response.body":
            exchange.response_size += len(message.get("body", b""))
            more = message.get("more_body", False)
            exchange.streamed = exchange.streamed or more
            more = more or self._awaits_trailers
        elif kind == "http.response.trailers":
            more = message.get("more_trailers", False)
        elif kind not in ("http.response.pathsend", "http.response.zerocopysend"):
            return
        if not more:
            self._finish()

    def _started(self, message: Message) -> Message:
        exchange = self.exchange
        if not exchange.disconnected:  # else it starts for nobody
            exchange.first_byte = perf_counter()
        exchange.status = message["status"]
        self._awaits_trailers = message.get("trailers", False)
        exchange.resolve_route()
        if message["status"] >= 500 and exchange.noted is not None:  # noqa: PLR2004
            exchange.report(exchange.noted, handled=True)
        headers = with_request_id(
            message.get("headers", ()), exchange.id, expose=self._has_origin
        )
        exchange.response_headers = headers
        exchange.observers.on_response(exchange)
        return {**message, "headers": headers}

    def close(self, error: BaseException | None) -> None:
        """Record an exchange that ended without its last byte."""
        exchange = self.exchange
        if exchange.end is not None:
            return
        if error is not None and not isinstance(error, Exception):
            exchange.disconnected = True  # cancelled: the server gave the request up
        if exchange.first_byte is None:
            exchange.resolve_route()
            exchange.status = 500
        if not exchange.disconnected:
            exchange.outcome = "server_error"
        self._finish()

    def _finish(self) -> None:
        exchange = self.exchange
        if exchange.end is not None:
            return
        exchange.end = perf_counter()
        if exchange.disconnected:
            exchange.status = CLIENT_CLOSED_REQUEST
        exchange.outcome = outcome_of(exchange)
        exchange.observers.on_finish(exchange)


class WebSocketRecorder:
    """Watches the messages of one WebSocket connection."""

    __slots__ = ("_has_origin", "_receive", "_send", "exchange")

    def __init__(
        self,
        exchange: Exchange,
        receive: Receive,
        send: Send,
        has_origin: bool,
    ) -> None:
        self.exchange = exchange
        self._receive = receive
        self._send = send
        self._has_origin = has_origin

    async def receive(self) -> Message:
        """Pass on a frame of the client; count it and note its close code."""
        message = await self._receive()
        exchange = self.exchange
        if message["type"] == "websocket.receive":
            exchange.request_size += _frame_size(message)
        elif message["type"] == "websocket.disconnect" and exchange.close_code is None:
            exchange.close_code = message.get("code") or 1005
        return message

    async def send(self, message: Message) -> None:
        """Pass on a frame of the application; record it."""
        kind = message["type"]
        exchange = self.exchange
        if kind == "websocket.accept":
            message = self._answered(message, 101)
        elif kind == "websocket.http.response.start":
            message = self._answered(message, message["status"])
        elif kind == "websocket.close":
            if exchange.first_byte is None:
                # The handshake is refused; servers answer 403 (ASGI specification).
                exchange.status = 403
                exchange.resolve_route()
            if exchange.close_code is None:
                exchange.close_code = message.get("code") or 1000
        await self._send(message)
        if kind == "websocket.send":
            exchange.response_size += _frame_size(message)

    def _answered(self, message: Message, status: int) -> Message:
        exchange = self.exchange
        exchange.first_byte = perf_counter()
        exchange.status = status
        exchange.resolve_route()
        exchange.observers.on_response(exchange)
        headers = with_request_id(message.get("headers") or (), exchange.id)
        return {**message, "headers": headers}

    def close(self, error: BaseException | None) -> None:
        """Record the end of the connection."""
        exchange = self.exchange
        exchange.end = perf_counter()
        if exchange.status is None:
            exchange.resolve_route()
            exchange.status = 500
        if error is not None and not isinstance(error, Exception):
            exchange.disconnected = True
        if exchange.error is not None and not exchange.handled:
            exchange.outcome = "server_error"
            exchange.close_code = exchange.close_code or 1011
        else:
            exchange.outcome = outcome_of(exchange)
        exchange.observers.on_finish(exchange)


_FOR_SCRIPTS = {
    b"x-request-id": b"X-Request-ID",
    b"retry-after": b"Retry-After",
    b"ratelimit": b"RateLimit",
    b"ratelimit-policy": b"RateLimit-Policy",
}
"""What a browser keeps from scripts of another origin unless it is exposed."""


def with_request_id(
    headers: Iterable[tuple[bytes, bytes]], request_id: str, *, expose: bool = False
) -> list[tuple[bytes, bytes]]:
    """Return the headers with one `X-Request-ID`.

    Args:
        headers: What the application sends.
        request_id: Added unless the application sends one of its own.
        expose: Whether a browser of another origin asks: where CORS allows the
            response, scripts may then read the header too, and those of rate limits.
    """
    result = list(headers)
    present = allowed = False
    exposed: int | None = None
    for position, (name, _) in enumerate(result):
        if name == b"x-request-id":
            present = True
        elif name == b"access-control-allow-origin":
            allowed = True
        elif name == b"access-control-expose-headers":
            exposed = position
    if not present:
        result.append((b"x-request-id", request_id.encode("ascii")))
    if expose and allowed:
        _expose(result, exposed)
    return result


def _expose(headers: list[tuple[bytes, bytes]], position: int | None) -> None:
    """Let scripts of another origin read what is there for them."""
    wanted = [_FOR_SCRIPTS[name] for name, _ in headers if name in _FOR_SCRIPTS]
    if position is None:
        headers.append((b"access-control-expose-headers", b", ".join(wanted)))
        return
    name, value = headers[position]
    listed = {token.strip() for token in value.lower().split(b",")}
    if b"*" not in listed:
        missing = [one for one in wanted if one.lower() not in listed]
        headers[position] = (name, b", ".join(filter(None, [value, *missing])))


def _frame_size(message: Message) -> int:
    data = message.get("bytes")
    if data is not None:
        return len(data)
    return len((message.get("text") or "").encode("utf-8", "replace"))

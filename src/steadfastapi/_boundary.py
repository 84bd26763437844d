"""The error boundary: any exception becomes a response, and still travels on.

Starlette's own 500 is sent outside of every user middleware, so it lacks CORS
headers and whatever else the application adds (starlette#1175). The boundary sits
inside of them, answers there, and raises the exception again for the server, the
test client and everything that wants to know.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect
from starlette.websockets import WebSocketDisconnect

from steadfastapi._exchange import SCOPE_KEY

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from steadfastapi._exchange import Exchange

Responder = Callable[["Scope", "Receive", "Send", Exception], Awaitable[None]]
"""Sends the response to an unhandled exception."""

Refine = Callable[["Message", "Message"], "tuple[Message, Message]"]
"""Returns what to send instead of a 413's start and first body message."""

CONTENT_TOO_LARGE = 413


class ErrorBoundary:
    """Report and answer what escapes from the application inside.

    Args:
        app: The application inside.
        respond: Sends the response when nothing has been sent yet; None only
            reports.
        refine: Rewrites a 413 that the framework sent as plain text.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        respond: Responder | None = None,
        refine: Refine | None = None,
    ) -> None:
        self.app = app
        self._respond = respond
        self._refine = refine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        exchange: Exchange | None = scope.get(SCOPE_KEY)
        if exchange is None:
            await self.app(scope, receive, send)
            return
        # The router writes what it matched into the scope that it is given, which
        # need not be the one that the outermost middleware saw.
        exchange.scope = scope
        if scope["type"] == "websocket":
            await self._websocket(exchange, scope, receive, send)
        else:
            await self._http(exchange, scope, receive, send)

    async def _http(
        self, exchange: Exchange, scope: Scope, receive: Receive, send: Send
    ) -> None:
        started = False
        held: Message | None = None

        async def tracked(message: Message) -> None:
            nonlocal started, held
            if message["type"] == "http.response.start":
                if message["status"] == CONTENT_TOO_LARGE and self._refine is not None:
                    held = message
                    return
                started = True
            elif held is not None and self._refine is not None:
                started = True
                start, held = held, None
                start, message = self._refine(start, message)
                await send(start)
            await send(message)

        try:
            await self.app(scope, receive, tracked)
            if held is not None:
                await send(held)  # without a body, as the application left it
        except Exception as error:
            if exchange.disconnected and isinstance(error, (ClientDisconnect, OSError)):
                raise  # the client left; the application did nothing wrong
            if _is_body_limit(scope, error):
                raise  # the limit stands outside, as around a mounted app, and answers
            exchange.report(error, handled=False)
            if not started and self._respond is not None:
                await self._respond(scope, receive, _last_response(scope, send), error)
            raise

    async def _websocket(
        self, exchange: Exchange, scope: Scope, receive: Receive, send: Send
    ) -> None:
        try:
            await self.app(scope, receive, send)
        except WebSocketDisconnect:
            raise
        except Exception as error:
            exchange.report(error, handled=False)
            raise


def _last_response(scope: Scope, send: Send) -> Send:
    """Return `send`, saying that the connection ends with this response.

    The error is raised again once it is answered, and servers then close the
    connection. A client that is not told sends its next request into it, and fails.
    """
    if not str(scope.get("http_version", "")).startswith("1"):
        return send  # HTTP/2 has no such header (RFC 9113, 8.2.2)

    async def send_last(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message.get("headers", ()), (b"connection", b"close")]
            message = {**message, "headers": headers}
        await send(message)

    return send_last


def _is_body_limit(scope: Scope, error: Exception) -> bool:
    """Return whether `error` is how a Starlette body limit around here stops the app.

    The exceptions are private to its module (1.10 and newer). A BaseHTTPMiddleware
    between here and the endpoint reads in a task group, which wraps them; FastAPI
    takes that apart where the limit stands.
    """
    if isinstance(error, ExceptionGroup):
        return all(_is_body_limit(scope, one) for one in error.exceptions)
    return (
        "starlette.max_body_size" in scope
        and type(error).__module__ == "starlette.middleware.body_limit"
    )

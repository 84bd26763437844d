"""The application's body limit, held for what its own middleware reads.

The limit itself stands inside of all middleware, so that its answer has CORS headers
and no middleware meets its private exceptions (CONTRACT-4). A middleware that reads
the body would read it without end; this piece, outside of it, counts along until the
limit is reached, which alone knows the limits of routes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from steadfastapi.contract.responder import CONTENT_TOO_LARGE

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from steadfastapi._boundary import Responder

LIMIT_KEY = "starlette.max_body_size"
"""In the scope while a body limit of Starlette is in charge (1.10 and newer)."""


class ContentTooLargeError(HTTPException):
    """A middleware of the application reads more than the limit."""

    def __init__(self) -> None:
        super().__init__(413, CONTENT_TOO_LARGE)


class BodyCap:
    """Stop a middleware that reads more of a body than the application allows.

    Args:
        app: The application inside.
        limit: Bytes.
        respond: Answers in place of the middleware.
    """

    def __init__(self, app: ASGIApp, *, limit: int, respond: Responder) -> None:
        self.app = app
        self._limit = limit
        self._respond = respond

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = _content_length(scope)
        taken = 0
        started = False

        async def capped() -> Message:
            nonlocal taken
            if LIMIT_KEY in scope:
                return await receive()
            if announced > self._limit and not started:
                raise ContentTooLargeError
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._limit:
                raise ContentTooLargeError
            return message

        async def tracked(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, capped, tracked)
        except ContentTooLargeError as error:
            if started:
                raise
            await self._respond(scope, receive, send, error)


async def too_large(
    scope: Scope,
    receive: Receive,
    send: Send,
    exc: Exception,  # noqa: ARG001 - a responder's signature
) -> None:
    """Answer a body that is too large."""
    response = JSONResponse({"detail": CONTENT_TOO_LARGE}, status_code=413)
    await response(scope, receive, send)


def _content_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0

"""What is sent when nothing else answers: 500, 503, and 413 in the contract's form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse

from steadfastapi import _unavailable
from steadfastapi._callables import is_async
from steadfastapi._exchange import SCOPE_KEY

if TYPE_CHECKING:
    from starlette.middleware import Middleware
    from starlette.types import Message, Receive, Scope, Send

    from steadfastapi._boundary import Responder
    from steadfastapi._exchange import Exchange

INTERNAL_SERVER_ERROR = "Internal server error"
CONTENT_TOO_LARGE = "Content Too Large"
"""The body of Starlette's plain-text 413."""


def server_error(handler: Any | None) -> Responder:
    """Return what answers an unhandled error of one application.

    Args:
        handler: The application's own handler for `Exception` or 500. Should it, or
            the response that it returned, raise in turn, the contract answers.
    """

    async def respond(
        scope: Scope, receive: Receive, send: Send, exc: Exception
    ) -> None:
        started = False

        async def tracked(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        if handler is not None:
            try:
                own = await _call(handler, Request(scope, receive), exc)
                if own is not None:
                    await own(scope, receive, tracked)
                    return
            except Exception as failure:
                exchange: Exchange | None = scope.get(SCOPE_KEY)
                if exchange is not None:
                    exchange.report(failure, handled=False)
                if started:
                    raise
        await _fallback(exc)(scope, receive, send)

    return respond


def _fallback(exc: Exception) -> JSONResponse:
    """Return what answers `exc` when the application has nothing to say."""
    retry_after = _unavailable.retry_after_of(exc)
    if retry_after is None:
        return JSONResponse({"detail": INTERNAL_SERVER_ERROR}, status_code=500)
    return JSONResponse(
        {"detail": _unavailable.DETAIL},
        status_code=503,
        headers={"Retry-After": str(retry_after)},
    )


async def _call(handler: Any, request: Request, exc: Exception) -> Any:
    if is_async(handler):
        return await handler(request, exc)
    return await run_in_threadpool(handler, request, exc)


def through_cors(respond: Responder, user: list[Middleware]) -> Responder:
    """Return `respond`, its response passed through the application's CORS rules.

    An error of a middleware that stands outside of CORSMiddleware, or in it, leaves
    no chain to send through; a browser would then hide the 500 from its script.
    """
    entry = next(
        (
            entry
            for entry in user
            if isinstance(entry.cls, type) and issubclass(entry.cls, CORSMiddleware)
        ),
        None,
    )
    if entry is None:
        return respond

    async def respond_with_cors(
        scope: Scope, receive: Receive, send: Send, exc: Exception
    ) -> None:
        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            await respond(scope, receive, send, exc)

        if scope["method"] == "OPTIONS":  # a preflight is CORS itself
            await answer(scope, receive, send)
            return
        await entry.cls(answer, *entry.args, **entry.kwargs)(scope, receive, send)

    return respond_with_cors


def content_too_large(start: Message, body: Message) -> tuple[Message, Message]:
    """Return the two messages of a 413, as JSON where the framework sent plain text.

    Starlette's body limits answer from inside of the route, in plain text, whatever
    the application's handlers say (CONTRACT-4). A 413 of the application's own has
    another body and stays as it is.
    """
    if body.get("body") != CONTENT_TOO_LARGE.encode():
        return start, body
    content = JSONResponse({"detail": CONTENT_TOO_LARGE}).body
    headers = [
        (name, value)
        for name, value in start.get("headers", ())
        if name not in (b"content-type", b"content-length")
    ]
    headers += [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(content)).encode()),
    ]
    return {**start, "headers": headers}, {**body, "body": bytes(content)}

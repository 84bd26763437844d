"""How a refusal is answered: by the application's handler, or in the contract."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from fastapi.exception_handlers import http_exception_handler
from slowapi import _rate_limit_exceeded_handler
from slowapi.errors import RateLimitExceeded
from slowapi.wrappers import Limit
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket

from steadfastapi._callables import is_async
from steadfastapi._exchange import SCOPE_KEY
from steadfastapi._guard import guard
from steadfastapi._unavailable import DETAIL
from steadfastapi.limits.storage import RECOVERY

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Receive, Scope, Send

    from steadfastapi._exchange import Exchange

TOO_MANY_REQUESTS = 429
POLICY_VIOLATION = 1008
"""Close code of RFC 6455 where a handshake cannot be answered with a status."""

_STOCK = frozenset({_rate_limit_exceeded_handler, http_exception_handler})
"""Handlers that tutorials register, or the framework: nobody chose their bodies."""


async def refused(
    scope: Scope, receive: Receive, send: Send, limit: Limit, retry_after: int
) -> None:
    """Answer a request that is over a limit: 429, in the handshake of a WebSocket.

    Args:
        scope: Of the request.
        receive: For the application's handler.
        send: Where the answer goes.
        limit: The limit, in slowapi's form.
        retry_after: Seconds until it would be granted.
    """
    error = _exceeded(limit, retry_after)
    # Handlers that were written for slowapi read it.
    scope.setdefault("state", {})["view_rate_limit"] = (limit.limit, [])
    handler = _handler(scope.get("app"), error)
    connection: Any
    if scope["type"] == "websocket":
        connection = WebSocket(scope, receive, send)
    else:
        connection = Request(scope, receive, send)
    if handler is None:
        response = _own(connection, error)
    elif is_async(handler):
        response = await handler(connection, error)
    else:
        response = await run_in_threadpool(handler, connection, error)
    if response is not None:
        await _send(response, scope, receive, send)


async def unavailable(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer where a route is closed while the storage fails: 503."""
    response = JSONResponse(
        {"detail": DETAIL},
        status_code=503,
        headers={"Retry-After": str(RECOVERY)},
    )
    await _send(response, scope, receive, send)


async def _send(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket" and "websocket.http.response" not in (
        scope.get("extensions") or {}
    ):
        await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": ""})
        return
    await response(scope, receive, send)


def _exceeded(limit: Limit, retry_after: int) -> RateLimitExceeded:
    try:
        error = RateLimitExceeded(limit)
    except Exception as failure:  # `error_message` may be a function
        guard.swallow("limits.error_message", failure)
        error = RateLimitExceeded(_silent(limit))
    error.headers = {"Retry-After": str(retry_after)}
    return error


def _silent(limit: Limit) -> Limit:
    """Return a limit without its message."""
    return Limit(
        limit.limit,
        limit.key_func,
        scope=None,
        per_method=False,
        methods=None,
        error_message=None,
        exempt_when=None,
        cost=1,
        override_defaults=True,
    )


def _handler(app: Any, error: RateLimitExceeded) -> Callable[..., Any] | None:
    """Return the handler that Starlette would choose, unless it is a stock one."""
    registered = getattr(app, "exception_handlers", {})
    keys = (TOO_MANY_REQUESTS, *type(error).__mro__[:-3])
    for key in keys:
        handler: Callable[..., Any] | None = registered.get(key)
        if handler is not None and inspect.unwrap(handler) not in _STOCK:
            return handler
    return None


def _own(connection: Any, error: RateLimitExceeded) -> Response:
    exchange: Exchange | None = connection.scope.get(SCOPE_KEY)
    if exchange is not None:
        exchange.report(error, handled=True)
    return JSONResponse(
        {"detail": f"Rate limit exceeded: {error.detail}. Please slow down."},
        status_code=TOO_MANY_REQUESTS,
        headers=error.headers,
    )

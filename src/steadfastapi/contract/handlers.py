"""Exception handlers of the contract; an application's own always win.

| raised                          | status  | body                                   |
|---------------------------------|---------|----------------------------------------|
| HTTPException, 404, 405, 413    | its own | `{"detail": …}`, headers kept          |
| RequestValidationError          | 422     | `{"detail": [{type, loc, msg}, …]}`    |
| slowapi's RateLimitExceeded     | 429     | `{"detail": "Rate limit exceeded: …"}` |
| marked by a retry or a breaker  | 503     | `{"detail": "Service temporarily …"}`  |
| anything else (`responder.py`)  | 500     | `{"detail": "Internal server error"}`  |
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from fastapi.exception_handlers import (
    http_exception_handler as fastapi_http_handler,
)
from fastapi.exception_handlers import (
    request_validation_exception_handler as fastapi_validation_handler,
)
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response

from steadfastapi._callables import is_async
from steadfastapi._exchange import SCOPE_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import HTTPConnection, Request

    from steadfastapi._exchange import Exchange

NO_BODY = frozenset({204, 205, 304})
SERVER_ERROR = 500
TOO_MANY_REQUESTS = 429

QUOTING = frozenset({"assertion_error", "union_tag_invalid", "value_error"})
"""Types of validation errors whose message may quote the input."""
MIN_QUOTED = 4
"""Characters; anything shorter is found in every sentence, and no secret."""

_NOTED = "__steadfastapi_noted__"


async def http_exception(request: Request, exc: HTTPException) -> Response:
    """Answer an `HTTPException`: any JSON detail, headers kept, no body on 204."""
    exchange: Exchange | None = request.scope.get(SCOPE_KEY)
    if exchange is not None:
        exchange.report(exc, handled=True)
    headers = getattr(exc, "headers", None)
    if exc.status_code < 200 or exc.status_code in NO_BODY:  # noqa: PLR2004
        return Response(status_code=exc.status_code, headers=headers)
    return JSONResponse(
        {"detail": _detail(exc)},
        status_code=exc.status_code,
        headers=_with_retry_after(exc, headers),
    )


async def validation_error(
    request: Request, exc: RequestValidationError
) -> JSONResponse:
    """Answer a 422 that says where and why, and never echoes what was sent.

    FastAPI's own handler returns `input` and `ctx`, and with them the password
    that somebody typed into the wrong field (CONTRACT-6).
    """
    exchange: Exchange | None = request.scope.get(SCOPE_KEY)
    if exchange is not None:
        exchange.noted = exc
    entries = [
        {"type": error["type"], "loc": list(error["loc"]), "msg": _message(error)}
        for error in exc.errors()
    ]
    return JSONResponse({"detail": entries}, status_code=422)


def _message(error: Mapping[str, Any]) -> str:
    """Pydantic quotes a rejected tag, and a validator may quote what it got."""
    message = str(error["msg"])
    if error["type"] not in QUOTING:
        return message
    for sent in (error.get("input"), (error.get("ctx") or {}).get("tag")):
        if isinstance(sent, str) and len(sent) >= MIN_QUOTED:
            message = message.replace(sent, "…")
    return message


def adopt(app: Any) -> None:
    """Put the contract's handlers in `app` where it has the framework's defaults.

    Its own handlers stay, and note the exception on the exchange, so that one that
    turns an error into a 500 is seen by Sentry, traces and logs (SENTRY-1).
    """
    registered: dict[Any, Any] = app.exception_handlers
    for key, handler in list(registered.items()):
        if handler in (fastapi_http_handler, fastapi_validation_handler):
            del registered[key]
        elif key not in (SERVER_ERROR, Exception):
            registered[key] = _noting(handler)
    registered.setdefault(HTTPException, http_exception)
    registered.setdefault(RequestValidationError, validation_error)


def _noting(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Return `handler`, sync or async as it is, telling the exchange what it took."""
    if handler in (http_exception, validation_error) or hasattr(handler, _NOTED):
        return handler

    def note(connection: HTTPConnection, exc: Exception) -> None:
        exchange: Exchange | None = connection.scope.get(SCOPE_KEY)
        if exchange is not None:
            exchange.noted = exc

    if is_async(handler):

        @functools.wraps(handler)
        async def noting_async(connection: HTTPConnection, exc: Exception) -> Any:
            note(connection, exc)
            return await handler(connection, exc)

        setattr(noting_async, _NOTED, True)
        return noting_async

    @functools.wraps(handler)
    def noting(connection: HTTPConnection, exc: Exception) -> Any:
        note(connection, exc)
        return handler(connection, exc)

    setattr(noting, _NOTED, True)
    return noting


def _is_rate_limit(exc: HTTPException) -> bool:
    return type(exc).__module__.startswith("slowapi.")


def _detail(exc: HTTPException) -> Any:
    if exc.status_code == TOO_MANY_REQUESTS and _is_rate_limit(exc):
        return f"Rate limit exceeded: {exc.detail}. Please slow down."
    return exc.detail


def _with_retry_after(
    exc: HTTPException, headers: Mapping[str, str] | None
) -> Mapping[str, str] | None:
    if exc.status_code != TOO_MANY_REQUESTS or not _is_rate_limit(exc):
        return headers
    names = {name.lower() for name in headers or ()}
    if "retry-after" in names:
        return headers
    limit = getattr(getattr(exc, "limit", None), "limit", None)
    get_expiry = getattr(limit, "get_expiry", None)
    seconds = int(get_expiry()) if callable(get_expiry) else 60
    # The whole window: an upper bound that is true for every strategy.
    return {**(headers or {}), "Retry-After": str(max(1, seconds))}

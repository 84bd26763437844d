"""The application's own handlers win; the contract's answer the rest."""

from collections.abc import Callable
from functools import partial
from typing import Any

import fastapi
import pytest
from fastapi import FastAPI, Request, Response, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from steadfastapi._callables import is_async
from support.apps import configured
from support.asgi import call_websocket
from support.drive import in_loop
from support.failures import rate_limit_exceeded
from support.places import direct, mounted
from support.watch import ask, header, watched

CRASH = b'{"detail":"Internal server error"}'
MINE = b'{"mine":true}'

KEYS: dict[str, tuple[Any, Exception | None]] = {
    "FastAPI's HTTPException": (
        fastapi.HTTPException,
        fastapi.HTTPException(409, "taken"),
    ),
    "Starlette's HTTPException": (HTTPException, fastapi.HTTPException(409, "taken")),
    "RequestValidationError": (RequestValidationError, RequestValidationError([])),
    "a class": (LookupError, KeyError("a")),
    "a status": (409, HTTPException(409, "taken")),
    "status 404": (404, None),
    "status 405": (405, None),
}
"""What a handler is registered for, and what calls it; None is the router itself."""


class Handler:
    """An application's handler, of every kind that Starlette accepts."""

    def __init__(self, status: int = 400, error: Exception | None = None) -> None:
        self.calls: list[Exception] = []
        self.status = status
        self.error = error

    def sync(self, request: Request, exc: Exception) -> Response:
        """Answer, or fail."""
        self.calls.append(exc)
        if self.error is not None:
            raise self.error
        return JSONResponse({"mine": True}, self.status)

    async def coroutine(self, request: Request, exc: Exception) -> Response:
        """Answer, or fail."""
        return self.sync(request, exc)

    async def __call__(self, request: Request, exc: Exception) -> Response:
        """Answer, or fail."""
        return self.sync(request, exc)

    def kinds(self) -> dict[str, Callable[..., Any]]:
        """Return the handler in each of its forms."""
        return {
            "sync": self.sync,
            "async": self.coroutine,
            "object": self,
            "partial": partial(self.coroutine),
        }


@pytest.mark.parametrize("early", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("kind", Handler().kinds())
@pytest.mark.parametrize(("key", "error"), KEYS.values(), ids=KEYS)
def test_the_applications_handler_wins_and_runs_once(
    key: Any, error: Exception | None, kind: str, early: bool
) -> None:
    """Its response is what the client gets, wherever `configure` was called."""
    app, handler = FastAPI(), Handler()
    if early:
        app.add_exception_handler(key, handler.kinds()[kind])
    watch = watched(app)
    if not early:
        app.add_exception_handler(key, handler.kinds()[kind])
    path = direct(app, error or ValueError())
    method = "DELETE" if key == 405 else "GET"

    result = ask(app, method, "/nowhere" if key == 404 else path)

    assert (400, MINE) == (result.status, result.body)
    assert 1 == len(handler.calls)
    assert [] == watch.errors
    assert [watch.exchanges[0].id] == header(result, "x-request-id")


def test_a_handler_of_fastapis_class_leaves_the_routers_errors_to_the_contract() -> (
    None
):
    """The router raises Starlette's class, which such a handler never meets."""
    app, handler = FastAPI(), Handler()
    app.add_exception_handler(fastapi.HTTPException, handler.sync)
    configured(app)

    assert b'{"detail":"Not Found"}' == ask(app, "GET", "/nowhere").body
    assert [] == handler.calls


def test_a_mounted_applications_handler_wins_there() -> None:
    """It answers the mount's errors, and only those."""
    app, handler = FastAPI(), Handler()
    path = mounted(app, KeyError("a"))
    sub: Any = app.routes[-1]
    sub.app.add_exception_handler(KeyError, handler.sync)
    direct(app, KeyError("b"))
    configured(app)

    assert MINE == ask(app, "GET", path).body
    assert CRASH == ask(app, "GET", "/x").body


def test_a_mounted_applications_handler_of_crashes_wins_there() -> None:
    """It runs once, and the exception travels on."""
    app, handler, error = FastAPI(), Handler(503), KeyError("a")
    path = mounted(app, error)
    sub: Any = app.routes[-1]
    sub.app.add_exception_handler(Exception, handler.coroutine)
    watch = watched(app)

    result = ask(app, "GET", path)

    assert (503, MINE) == (result.status, result.body)
    assert [error] == handler.calls == watch.errors
    assert error is result.exception


@pytest.mark.parametrize("kind", Handler().kinds())
@pytest.mark.parametrize("key", [Exception, 500, KeyError])
def test_a_handler_that_fails_falls_back_to_the_contract(key: Any, kind: str) -> None:
    """The client gets the contract's 500, and both errors are reported, once each."""
    app, error, failure = FastAPI(), KeyError("a"), RuntimeError("b")
    handler = Handler(error=failure)
    path = direct(app, error)
    app.add_exception_handler(key, handler.kinds()[kind])
    watch = watched(app)

    result = ask(app, "GET", path)

    assert (500, CRASH) == (result.status, result.body)
    assert [error] == handler.calls
    assert 2 == len(watch.errors)
    assert {error, failure} == set(watch.errors)
    assert result.exception is watch.exchanges[0].error
    assert not watch.exchanges[0].handled


@pytest.mark.parametrize(("status", "reported"), [(500, 1), (503, 1), (400, 0)])
def test_an_error_turned_into_a_server_error_is_reported(
    status: int, reported: int
) -> None:
    """Only a handler that answers 5xx has an error to report, as handled."""
    app, error = FastAPI(), KeyError("a")
    path = direct(app, error)
    app.add_exception_handler(KeyError, Handler(status).sync)
    watch = watched(app)

    result = ask(app, "GET", path)

    assert (status, None) == (result.status, result.exception)
    assert [error] * reported == watch.errors
    assert bool(reported) == watch.exchanges[0].handled


def test_rebuilding_the_stack_does_not_wrap_handlers_twice() -> None:
    """A middleware stack that is built anew calls the handler once, as before."""
    app, handler = FastAPI(), Handler()
    path = direct(app, KeyError("a"))
    app.add_exception_handler(KeyError, handler.sync)
    configured(app)
    ask(app, "GET", path)
    app.middleware_stack = None

    result = ask(app, "GET", path)

    assert MINE == result.body
    assert 2 == len(handler.calls)
    assert 1 == len(header(result, "x-request-id"))


@pytest.mark.parametrize(
    ("limit", "seconds"), [("5/second", "1"), ("5/minute", "60"), ("1/2 hour", "7200")]
)
def test_a_rate_limit_says_when_to_come_back(limit: str, seconds: str) -> None:
    """`Retry-After` of slowapi's exception is the window of its limit."""
    app = FastAPI()
    path = direct(app, rate_limit_exceeded(limit))
    configured(app)

    result = ask(app, "GET", path)

    assert 429 == result.status
    assert [seconds] == header(result, "retry-after")


def test_a_rate_limit_keeps_its_own_retry_after() -> None:
    """What the limiter said about when to come back is not overwritten."""
    app, error = FastAPI(), rate_limit_exceeded()
    vars(error)["headers"] = {"retry-after": "7"}
    path = direct(app, error)
    configured(app)

    assert ["7"] == header(ask(app, "GET", path), "retry-after")


def test_a_429_of_the_application_is_left_alone() -> None:
    """Its detail is unchanged, and no `Retry-After` is made up."""
    app = FastAPI()
    path = direct(app, HTTPException(429, "Slow down"))
    configured(app)

    result = ask(app, "GET", path)

    assert b'{"detail":"Slow down"}' == result.body
    assert [] == header(result, "retry-after")


def test_a_short_input_does_not_spoil_a_message() -> None:
    """What a person typed is masked in quotations, not in the words around them."""
    app = FastAPI()

    def endpoint() -> None:
        entry = {"type": "value_error", "loc": ("query", "q"), "input": "a"}
        raise RequestValidationError([{**entry, "msg": "Value error, a bad value"}])

    app.get("/x")(endpoint)
    configured(app)

    assert b'"msg":"Value error, a bad value"' in ask(app, "GET", "/x").body


def test_a_websocket_refused_by_an_http_exception_is_answered_in_contract() -> None:
    """The handshake gets the status and the JSON of the exception."""
    app = FastAPI()

    @app.websocket("/ws")
    async def talk(websocket: WebSocket) -> None:
        raise HTTPException(401, "Who?", {"WWW-Authenticate": "Bearer"})

    configured(app)

    result = in_loop(call_websocket, app, "/ws")

    assert (401, b'{"detail":"Who?"}') == (result.status, result.body)
    assert ["Bearer"] == header(result, "www-authenticate")
    assert 1 == len(header(result, "x-request-id"))


def test_async_handlers_are_told_from_sync_ones() -> None:
    """Functions, methods, objects and partials count by what calling them gives."""
    kinds = {name: is_async(kind) for name, kind in Handler().kinds().items()}

    expected = {"sync": False, "async": True, "object": True, "partial": True}
    assert expected == kinds

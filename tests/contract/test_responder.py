"""What is sent when nothing else answers."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import (
    FileResponse,
    JSONResponse,
    PlainTextResponse,
    StreamingResponse,
)
from starlette.middleware.cors import CORSMiddleware

from support.apps import configured
from support.asgi import App, Receive, Scope, Send
from support.places import ORIGIN, direct, outside_cors, with_cors
from support.watch import ask, header, watched

CRASH = b'{"detail":"Internal server error"}'


@pytest.mark.parametrize("debug", [True, False])
def test_a_crash_has_the_same_body_in_debug_mode(debug: bool) -> None:
    """No traceback reaches a client, whatever `debug` says."""
    app = FastAPI(debug=debug)
    path = direct(app, ValueError("secret"))
    configured(app)

    assert CRASH == ask(app, "GET", path, headers=[("Accept", "text/html")]).body


@pytest.mark.parametrize(
    "answer",
    [None, {"not": "a response"}, FileResponse("/nowhere/at/all")],
    ids=["nothing", "no response", "a response that fails"],
)
def test_a_handler_without_a_usable_response_leaves_it_to_the_contract(
    answer: Any,
) -> None:
    """What cannot be sent becomes the contract's 500, and the handler runs once."""
    app, error, calls = FastAPI(), ValueError("a"), list[Exception]()
    path = direct(app, error)

    @app.exception_handler(Exception)
    async def mine(request: Request, exc: Exception) -> Any:
        calls.append(exc)
        return answer

    watch = watched(app)

    result = ask(app, "GET", path)

    assert (500, CRASH) == (result.status, result.body)
    assert [watch.exchanges[0].id] == header(result, "x-request-id")
    assert [error] == calls
    assert error is result.exception is watch.exchanges[0].error


def test_a_handlers_response_that_fails_midway_is_not_answered_twice() -> None:
    """After its start nothing is sent any more, and its failure reaches the server."""
    app, failure = FastAPI(), RuntimeError("b")
    path = direct(app, ValueError("a"))

    async def chunks() -> AsyncIterator[bytes]:
        yield b"a"
        raise failure

    @app.exception_handler(Exception)
    async def mine(request: Request, exc: Exception) -> Response:
        return StreamingResponse(chunks(), 503)

    watch = watched(app)

    result = ask(app, "GET", path)

    assert (503, b"a") == (result.status, result.body)
    assert failure is result.exception
    assert [ValueError, RuntimeError] == [type(error) for error in watch.errors]


@pytest.mark.parametrize("kind", ["pure", "decorator"])
def test_a_middleware_that_answers_errors_does_not_answer_twice(kind: str) -> None:
    """The boundary has answered before it: one start, one body, the contract's."""
    app = FastAPI()
    path = direct(app, ValueError("a"))

    class Catching:
        def __init__(self, app: App) -> None:
            self.app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await self.app(scope, receive, send)
            except ValueError:
                await PlainTextResponse("mine", 503)(scope, receive, send)

    async def catching(request: Request, call_next: Any) -> Any:
        try:
            return await call_next(request)
        except ValueError:
            return PlainTextResponse("mine", 503)

    if kind == "pure":
        app.add_middleware(Catching)
    else:
        app.middleware("http")(catching)
    watch = watched(app)

    result = ask(app, "GET", path)

    starts = [m for m in result.messages if m["type"] == "http.response.start"]
    assert (500, CRASH) == (result.status, result.body)
    assert 1 == len(starts)
    assert 1 == len(watch.errors)


@pytest.mark.parametrize(
    ("origin", "allowed"), [(ORIGIN, [ORIGIN]), ("https://evil.example", [])]
)
def test_an_error_around_cors_obeys_the_applications_cors(
    origin: str, allowed: list[str]
) -> None:
    """The origins that may read a 500 are those that may read everything else."""
    app = with_cors(FastAPI())
    path = outside_cors(app, ValueError("a"))
    configured(app)

    result = ask(app, "GET", path, headers=[("Origin", origin)])

    assert CRASH == result.body
    assert allowed == header(result, "access-control-allow-origin")


def test_an_error_around_cors_obeys_a_subclass_with_its_settings() -> None:
    """CORS of the application's own kind, with credentials, is asked as well."""

    class Own(CORSMiddleware):
        """An application's refinement."""

    app = FastAPI()
    app.add_middleware(Own, allow_origin_regex="https://.*", allow_credentials=True)
    path = outside_cors(app, ValueError("a"))
    configured(app)

    result = ask(app, "GET", path, headers=[("Origin", ORIGIN)])

    assert [ORIGIN] == header(result, "access-control-allow-origin")
    assert ["true"] == header(result, "access-control-allow-credentials")


def test_a_preflight_that_crashes_is_a_500() -> None:
    """CORS would answer the preflight itself, and hide the crash around it."""
    app = with_cors(FastAPI())
    path = outside_cors(app, ValueError("a"))
    configured(app)
    headers = [("Origin", ORIGIN), ("Access-Control-Request-Method", "GET")]

    result = ask(app, "OPTIONS", path, headers=headers)

    assert (500, CRASH) == (result.status, result.body)


def test_an_error_without_cors_has_no_cors() -> None:
    """The contract opens nothing that the application has not opened."""
    app = FastAPI()
    path = outside_cors(app, ValueError("a"))
    configured(app)

    result = ask(app, "GET", path, headers=[("Origin", ORIGIN)])

    assert CRASH == result.body
    assert [] == [name for name, _ in result.headers if name.startswith(b"access")]


async def _two_chunks() -> AsyncIterator[bytes]:
    yield b"too "
    yield b"big"


@pytest.mark.parametrize(
    ("response", "body"),
    [
        (PlainTextResponse("Too big", 413), b"Too big"),
        (JSONResponse({"error": "big"}, 413), b'{"error":"big"}'),
        (StreamingResponse(_two_chunks(), 413), b"too big"),
        (Response(status_code=413), b""),
    ],
    ids=["text", "JSON", "stream", "empty"],
)
def test_a_413_of_the_application_is_left_alone(response: Any, body: bytes) -> None:
    """Only the framework's plain text is replaced."""
    app = FastAPI()

    @app.get("/x")
    async def endpoint() -> Any:
        return response

    kind = response.headers.get("content-type")
    configured(app)

    result = ask(app, "GET", "/x")

    assert (413, body) == (result.status, result.body)
    assert ([kind] if kind else []) == header(result, "content-type")
    assert result.exception is None


def test_without_the_contract_errors_stay_the_frameworks() -> None:
    """`contract=False` leaves every answer as it was, and still reports the error."""
    app, error = FastAPI(), ValueError("a")
    path = direct(app, error)
    watch = watched(app, contract=False)

    result = ask(app, "GET", path)

    assert (500, b"Internal Server Error") == (result.status, result.body)
    assert [error] == watch.errors

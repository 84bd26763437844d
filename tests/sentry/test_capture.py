"""Which errors of an exchange are sent, and as what."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
from fastapi import BackgroundTasks, HTTPException, Request, WebSocket
from fastapi.responses import JSONResponse

from sentry.harness import (
    answer,
    delivered,
    raised,
    sentried,
)
from steadfastapi.sentry import capture
from steadfastapi.sentry import client as process
from steadfastapi.testing import internal_errors
from support.asgi import call_websocket

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest


class TakenError(Exception):
    """An error of the domain."""


def test_an_error_after_the_response_is_sent() -> None:
    """A background task that fails is an unhandled error of its exchange."""
    with sentried() as (app, receiver):

        def fail() -> None:
            raise TakenError

        @app.get("/task")
        async def task(tasks: BackgroundTasks) -> None:
            tasks.add_task(fail)

        assert 200 == answer(app, "GET", "/task").status
        (event,) = delivered(receiver)
        assert "GET /task" == event["transaction"]
        assert raised(event)["mechanism"]["handled"] is False


def test_an_error_of_a_websocket_is_sent() -> None:
    """A connection is an exchange too, with a template and a request id."""
    with sentried() as (app, receiver):

        @app.websocket("/ws/{room}")
        async def connected(websocket: WebSocket) -> None:
            await websocket.accept()
            raise TakenError

        anyio.run(call_websocket, app, "/ws/kitchen")
        (event,) = delivered(receiver)
        assert "WEBSOCKET /ws/{room}" == event["transaction"]
        assert "ws://localhost/ws/kitchen" == event["request"]["url"].replace(
            "127.0.0.1", "localhost"
        )


def test_a_domain_error_that_a_handler_answers_with_409_is_a_warning() -> None:
    """The status decides, not the class: an own handler's conflict is sent too."""
    with sentried() as (app, receiver):

        @app.exception_handler(TakenError)
        async def handle(request: Request, exc: TakenError) -> JSONResponse:
            status = int(request.path_params["status"])
            return JSONResponse({"detail": str(exc)}, status_code=status)

        @app.get("/taken/{status}")
        def taken(status: int) -> None:
            raise TakenError("e-mail is taken")

        for status in (409, 410):
            assert status == answer(app, "GET", f"/taken/{status}").status
        (event,) = delivered(receiver)
        assert ("warning", 409) == (event["level"], event["extra"]["status_code"])
        exception = raised(event)
        assert "TakenError" == exception["type"]
        assert exception["mechanism"]["handled"] is True


def test_other_statuses_can_be_chosen() -> None:
    """`statuses` replaces the default set."""
    with sentried(statuses={418}) as (app, receiver):

        @app.get("/{code}")
        async def status(code: int) -> None:
            raise HTTPException(code)

        answer(app, "GET", "/409")
        answer(app, "GET", "/418")
        assert ["418"] == [e["tags"]["http_status"] for e in delivered(receiver)]


def test_a_5xx_without_an_exception_is_a_message() -> None:
    """A 503 out of nothing is one event; that of a health check is none."""
    with sentried() as (app, receiver):

        @app.get("/proxy/{x}")
        @app.get("/health/ready")
        async def unavailable() -> JSONResponse:
            return JSONResponse({"detail": "no"}, status_code=503)

        answer(app, "GET", "/proxy/1")
        answer(app, "GET", "/health/ready")
        (event,) = delivered(receiver)
        said = "GET /proxy/{x} answered 503 without an exception"
        assert (said, "error", "503") == (
            event["message"],
            event["level"],
            event["tags"]["http_status"],
        )


def test_an_error_without_the_contract_is_one_event() -> None:
    """With `contract=False` a crash and a status 500 are still sent once each."""
    with sentried({"contract": False}) as (app, receiver):

        @app.get("/crash")
        def crash() -> None:
            raise TakenError

        @app.get("/gone/{code}")
        async def gone(code: int) -> None:
            raise HTTPException(code)

        for path in ("/crash", "/gone/500", "/gone/409"):
            answer(app, "GET", path)
        sent = [event["transaction"] for event in delivered(receiver)]
        assert ["GET /crash", "GET /gone/{code}"] == sent


def test_an_error_that_the_sdk_cannot_describe_is_still_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """When the SDK fails on an exception, the event has its type and text."""

    def fail(*_: Any, **__: Any) -> None:
        raise RecursionError

    monkeypatch.setattr(capture, "event_from_exception", fail)
    with internal_errors() as errors, sentried() as (app, receiver):

        @app.get("/crash")
        async def crash() -> None:
            raise TakenError("password=hunter2hunter2")

        answer(app, "GET", "/crash")
        (event,) = delivered(receiver)
        exception = raised(event)
        assert ("TakenError", "password=[redacted]") == (
            exception["type"],
            exception["value"],
        )
        assert exception["mechanism"]["handled"] is False
        assert {"sentry.capture": 1} == dict(errors)


def test_a_recursion_keeps_its_last_frames() -> None:
    """A traceback of a thousand frames is cut to 50 and does not disappear."""
    with sentried() as (app, receiver):

        def dive(depth: int) -> None:
            dive(depth + 1)

        app.get("/dive")(partial_of(dive))
        answer(app, "GET", "/dive")
        (event,) = delivered(receiver)
        frames = raised(event)["stacktrace"]["frames"]
        assert 50 == len(frames)
        assert {"dive"} == {frame["function"] for frame in frames[-40:]}


def partial_of(dive: Callable[[int], None]) -> Callable[[], None]:
    """Return an endpoint without parameters."""
    return partial(dive, 0)


def test_a_client_that_went_away_is_no_error() -> None:
    """A disconnect while the body is read sends nothing."""
    with sentried() as (app, receiver):

        @app.post("/upload")
        async def upload(request: Request) -> None:
            await request.body()

        answer(app, "POST", "/upload", body=b"half", truncated=True)
        assert [] == delivered(receiver)


def test_an_application_may_keep_its_source_to_itself() -> None:
    """`include_source_context=False` sends no line of source."""
    with sentried(options={"include_source_context": False}) as (app, receiver):

        @app.get("/crash")
        async def crash() -> None:
            raise TakenError

        answer(app, "GET", "/crash")
        (event,) = delivered(receiver)
        frames = raised(event)["stacktrace"]["frames"]
        assert all("context_line" not in frame for frame in frames)


def test_without_a_client_nothing_happens() -> None:
    """Errors and statuses of an application whose client is gone are left alone."""
    with sentried() as (app, receiver):

        @app.get("/crash")
        async def crash() -> None:
            raise TakenError

        @app.get("/unavailable")
        async def unavailable() -> JSONResponse:
            return JSONResponse(None, status_code=503)

        process.reset()
        assert 500 == answer(app, "GET", "/crash").status
        assert 503 == answer(app, "GET", "/unavailable").status
        assert [] == receiver.events()

"""The line of a request, and the line of an exception."""

import asyncio
import logging
from typing import Any

import pytest
from fastapi import BackgroundTasks, FastAPI, HTTPException, Request, WebSocket
from fastapi.responses import JSONResponse
from starlette.testclient import TestClient

from steadfastapi import Logs, bind
from steadfastapi._exchange import Exchange
from steadfastapi.logs.access import AccessLine, level_of
from steadfastapi.logs.pipeline import pipeline
from steadfastapi.logs.reported import is_reported, mark_reported
from steadfastapi.testing import capture
from support.apps import configured
from support.asgi import call, call_websocket
from support.failures import Slotted
from support.lines import logged

FIELDS = [
    *("timestamp", "level", "event", "method", "route", "path", "status"),
    *("duration_ms", "outcome", "client", "request_id"),
]


def exchange(duration: float = 0.003214, **facts: Any) -> Exchange:
    """Return a finished exchange."""
    given: dict[str, Any] = {
        "id": "0123456789abcdef",
        "kind": "http",
        "method": "GET",
        "path": "/users/42",
        "client": "127.0.0.1",
        "scope": {},
        "route": "/users/{user_id}",
        "status": 200,
        "start": 10.0,
        "end": 10.0 + duration,
    }
    return Exchange(**(given | facts))


def line_of(finished: Exchange) -> dict[str, Any]:
    """Return the line of an exchange."""
    with logged() as lines:
        AccessLine(slow_after=1.0)(finished)
    return lines.last


def test_a_request_is_one_line_with_everything_that_matters() -> None:
    """In this order, and the duration to the microsecond."""
    line = line_of(exchange())

    assert FIELDS == list(line)
    assert {
        "level": "info",
        "event": "request",
        "method": "GET",
        "route": "/users/{user_id}",
        "path": "/users/42",
        "status": 200,
        "duration_ms": 3.214,
        "outcome": "ok",
        "client": "127.0.0.1",
        "request_id": "0123456789abcdef",
    } == {name: line[name] for name in FIELDS[1:]}


def test_trace_and_bound_fields_follow() -> None:
    """Of the trace both ids or none; bound fields as they were bound."""
    traced = exchange(trace_id="a" * 32, span_id="b" * 16, fields={"user_id": 7})
    line = line_of(traced)

    assert [*FIELDS, "trace_id", "span_id", "user_id"] == list(line)
    assert ("a" * 32, "b" * 16, 7) == tuple(line.values())[-3:]


def test_what_is_not_known_is_null_or_none() -> None:
    """A path without a route has the name that metrics give it; no client is null."""
    line = line_of(exchange(route=None, client=None, status=404))

    assert ("none", None) == (line["route"], line["client"])


def test_a_bound_field_does_not_replace_one_of_the_line() -> None:
    """It gets an underscore, and no secret of it is shown."""
    fields = {"status": "paid", "level": 3, "client": "acme", "password": "hunter2"}
    line = line_of(exchange(fields=fields))

    assert (200, "info", "127.0.0.1") == (line["status"], line["level"], line["client"])
    assert ("paid", 3, "acme") == (line["status_"], line["level_"], line["client_"])
    assert "[redacted]" == line["password"]


def test_path_and_client_are_bounded_and_scrubbed() -> None:
    """Both are the client's to choose, where a server trusts `X-Forwarded-For`."""
    path, client = "/reset/token=hunter2&" + "x" * 9000, "203.0.113.7" * 99
    line = line_of(exchange(path=path, client=client))

    assert 2048 == len(line["path"])
    assert line["path"].startswith("/reset/token=[redacted]")
    assert 64 == len(line["client"])


HANDLED = {"error": HTTPException(503), "handled": True}
CRASHED = {"error": ValueError(), "handled": False}


@pytest.mark.parametrize(
    ("level", "facts"),
    [
        ("info", {"outcome": "ok"}),
        ("warning", {"outcome": "ok", "duration": 1.5}),
        ("info", {"outcome": "ok", "duration": 1.5, "kind": "websocket"}),
        ("info", {"outcome": "client_error", "status": 404}),
        ("info", {"outcome": "limited", "status": 429}),
        ("info", {"outcome": "aborted", "status": 499, "duration": 1.5}),
        ("error", {"outcome": "server_error", "status": 500}),
        ("error", {"outcome": "server_error", "status": 503, **HANDLED}),
        ("warning", {"outcome": "server_error", "status": 500, **CRASHED}),
    ],
)
def test_the_level_says_who_should_look(level: str, facts: dict[str, Any]) -> None:
    """Slow is a warning; of a crash the other line is the error, so that one counts."""
    finished = exchange(**facts)

    assert level == level_of(finished, finished.duration, 1.0)


@pytest.mark.parametrize("outcome", ["client_error", "server_error", "aborted"])
def test_a_probe_has_a_line_unless_it_succeeds(outcome: Any) -> None:
    """A scraper with the wrong token would otherwise be a mystery."""
    with logged() as lines:
        AccessLine(slow_after=1.0)(exchange(quiet=True, outcome="ok"))
        AccessLine(slow_after=1.0)(exchange(quiet=True, outcome=outcome))

    assert [outcome] == [line["outcome"] for line in lines.parsed]


def test_the_end_of_a_stream_of_ours_is_no_news() -> None:
    """Whoever reads one leaves it; a line for each page of the console says nothing."""
    finished = exchange(outcome="aborted", status=499, streamed=True)
    with logged() as lines:
        AccessLine(slow_after=1.0)(finished)
        finished.quiet = True
        AccessLine(slow_after=1.0)(finished)

    assert 1 == len(lines.parsed)


def test_below_the_level_nothing_is_written() -> None:
    """The level of access lines is that of all."""
    with logged(level=logging.WARNING) as lines:
        AccessLine(slow_after=1.0)(exchange())
        AccessLine(slow_after=1.0)(exchange(duration=2.0))

    assert ["warning"] == [line["level"] for line in lines.parsed]


def test_a_websocket_is_one_line_with_its_close_code() -> None:
    """When the connection ends."""
    app = configured(FastAPI())

    @app.websocket("/ws/{room}")
    async def talk(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close(4001)

    with capture(app) as seen:
        asyncio.run(call_websocket(app, "/ws/a?token=hunter2"))
    (line,) = seen.logs

    assert [*FIELDS, "close_code"] == list(line)
    assert ("websocket", "WEBSOCKET", "/ws/{room}", "/ws/a", 101, 4001) == tuple(
        line[name]
        for name in ("event", "method", "route", "path", "status", "close_code")
    )


def shop() -> FastAPI:
    """Return an application that fails in several ways."""
    app = configured(FastAPI())

    @app.get("/crash/{number}")
    async def crash(number: int) -> float:
        bind(number=number)
        return 1 / 0

    @app.get("/unavailable")
    async def unavailable() -> None:
        raise HTTPException(503, "later")

    @app.get("/background")
    async def background(tasks: BackgroundTasks) -> str:
        tasks.add_task(crash, 7)
        return "ok"

    @app.exception_handler(KeyError)
    async def answer(request: Request, error: KeyError) -> JSONResponse:
        return JSONResponse({"detail": "sorry"}, status_code=500)

    @app.get("/handled")
    async def handled() -> None:
        raise KeyError("a")

    return app


def lines_of(path: str) -> list[dict[str, Any]]:
    """Return the lines that one request causes."""
    app = shop()
    with capture(app) as seen, TestClient(app, raise_server_exceptions=False) as client:
        client.get(path)
    return seen.logs


def test_a_crash_is_an_error_line_and_an_access_line() -> None:
    """The first has the traceback, and where it happened; both the request's id."""
    error, access = lines_of("/crash/7?token=hunter2")

    assert [
        *("timestamp", "level", "event", "error_type", "method", "route", "path"),
        *("request_id", "number", "exception"),
    ] == list(error)
    assert ("error", "unhandled error", "ZeroDivisionError", "GET") == tuple(
        error[name] for name in ("level", "event", "error_type", "method")
    )
    assert ("/crash/{number}", "/crash/7", 7) == tuple(
        error[name] for name in ("route", "path", "number")
    )
    assert error["exception"].endswith("ZeroDivisionError: division by zero")
    assert ("warning", 500) == (access["level"], access["status"])
    assert error["request_id"] == access["request_id"]


def test_a_handled_error_of_the_application_is_told_as_well() -> None:
    """A handler that answers 500 hides a crash from its client, not from its owner."""
    error, access = lines_of("/handled")

    assert ("handled error", "KeyError") == (error["event"], error["error_type"])
    assert ("warning", 500) == (access["level"], access["status"])


def test_a_deliberate_server_error_is_one_line() -> None:
    """Nothing has crashed: no traceback, and the access line is the error."""
    (access,) = lines_of("/unavailable")

    assert ("error", 503) == (access["level"], access["status"])


def test_a_crash_after_the_response_says_so() -> None:
    """The request itself was fine."""
    access, error = lines_of("/background")

    assert ("info", 200) == (access["level"], access["status"])
    assert ("error", "error after the response") == (error["level"], error["event"])


def test_every_exception_can_be_marked() -> None:
    """Also one that refuses attributes, or lies about those it has."""

    class Liar(Exception):  # noqa: N818 - a name for a test
        def __getattribute__(self, name: str) -> Any:
            raise RuntimeError(name)

    for exception in (ValueError(), Slotted(7), Liar()):
        before = is_reported(exception)
        mark_reported(exception)
        assert (False, True) == (before, is_reported(exception))


def test_access_lines_can_be_switched_off() -> None:
    """Crashes still have their line."""
    app = configured(FastAPI(), logs=Logs(access=False))
    app.get("/crash")(lambda: 1 / 0)
    with capture(app) as seen:
        asyncio.run(call(app, path="/crash"))

    assert ["unhandled error"] == [line["event"] for line in seen.logs]


def test_an_access_line_costs_microseconds() -> None:
    """7 µs when it was written; the bound leaves room for slow machines and tracing."""
    import time

    finished, write = exchange(fields={"user_id": 7}), AccessLine(slow_after=1.0)
    best = 1.0
    with logged() as lines:
        for _ in range(20):
            pipeline.stream = lines.stream
            begin = time.thread_time()
            for _ in range(100):
                write(finished)
            best = min(best, (time.thread_time() - begin) / 100)

    assert 0.000_060 > best

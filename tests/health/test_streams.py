"""Readiness and status as server-sent events."""

import asyncio
import json
import signal
import time
from typing import Any

import pytest
from fastapi import FastAPI

from steadfastapi.health import HealthHandle, streams
from support.asgi import call
from support.health import KEY, WITH_KEY, Dial, ask, running, until, with_health
from support.server import LiveServer

pytestmark = pytest.mark.anyio


class Reader:
    """Reads a stream until it is told to go.

    Args:
        app: The application.
        path: Of the stream.
        headers: Of the request.
    """

    def __init__(self, app: Any, path: str, headers: Any = ()) -> None:
        self.events: list[Any] = []
        self.raw = b""
        self._gone = asyncio.Event()
        self._task = asyncio.create_task(self._read(app, path, headers))

    async def _read(self, app: Any, path: str, headers: Any) -> None:
        sent = False

        async def receive() -> dict[str, Any]:
            nonlocal sent
            if not sent:
                sent = True
                return {"type": "http.request", "body": b"", "more_body": False}
            await self._gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            body = message.get("body", b"")
            self.raw += body
            if body.startswith(b"data: "):
                self.events.append(json.loads(body.removeprefix(b"data: ")))

        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "method": "GET",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in headers],
            "scheme": "http",
            "server": ("test", 80),
            "client": ("127.0.0.1", 1),
            "http_version": "1.1",
        }
        await app(scope, receive, send)

    @property
    def ended(self) -> bool:
        """Whether the stream is over."""
        return self._task.done()

    async def go(self) -> None:
        """Hang up, and wait for the end."""
        self._gone.set()
        await asyncio.wait({self._task}, timeout=5)


def made(**settings: Any) -> tuple[FastAPI, HealthHandle, Dial]:
    """Return an application that is checked often."""
    probe = Dial()
    app, handle = with_health(
        probe, api_key=KEY, check_every=0.05, fail_after=1, **settings
    )
    return app, handle, probe


async def test_a_stream_says_how_it_is_until_nobody_listens() -> None:
    """One event an interval; details for those who may see them."""
    app, _, probe = made()
    async with running(app):
        anonymous = Reader(app, "/health/ready/stream")
        known = Reader(app, "/health/status/stream", WITH_KEY)
        await until(lambda: {"status": "healthy"} in anonymous.events)
        probe.error = ValueError("down")
        await until(lambda: {"status": "unhealthy"} in anonymous.events)
        await until(lambda: known.events[-1]["status"] == "unhealthy")
        await anonymous.go()
        await known.go()

    assert anonymous.raw.startswith(b"retry: 1000\n\n")
    assert [["status"]] == [list(event) for event in anonymous.events[:1]]
    assert "ValueError: down" == known.events[-1]["probes"][0]["error"]
    assert (True, True) == (anonymous.ended, known.ended)


async def test_streams_are_bounded_and_places_are_given_back() -> None:
    """Another one gets 503; when one leaves there is room."""
    app, _, _ = made(max_streams=2)
    async with running(app):
        readers = [Reader(app, "/health/ready/stream") for _ in range(2)]
        await until(lambda: all(reader.events for reader in readers))
        refused = await ask(app, "/health/status/stream")
        await readers[0].go()
        another = Reader(app, "/health/status/stream")
        await until(lambda: another.events)
        await another.go()
        await readers[1].go()

    assert (503, {"detail": "There are 2 streams already"}, "5") == (
        refused.status,
        refused.body,
        refused.headers["retry-after"],
    )


async def test_a_stream_ends_when_the_application_drains() -> None:
    """With the news, so that its reader goes elsewhere."""
    app, handle, _ = made()
    async with running(app):
        reader = Reader(app, "/health/ready/stream")
        await until(lambda: reader.events)
        handle.drain()
        await until(lambda: reader.ended)

    assert {"status": "draining"} == reader.events[-1]


async def test_a_stream_does_not_last_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Browsers connect anew by themselves."""
    monkeypatch.setattr(streams, "LIFETIME", 0.1)
    app, _, _ = made()
    async with running(app):
        reader = Reader(app, "/health/ready/stream")
        await until(lambda: reader.ended)

    assert 1 <= len(reader.events) <= 4


async def test_head_gets_the_headers_of_a_stream_at_once() -> None:
    """And takes no place."""
    app, _, _ = made(max_streams=0)
    result = await call(app, "HEAD", "/health/ready/stream")
    headers = dict(result.headers)

    assert (200, b"") == (result.status, result.body)
    assert b"text/event-stream; charset=utf-8" == headers[b"content-type"]
    assert (b"no-store", b"no") == (
        headers[b"cache-control"],
        headers[b"x-accel-buffering"],
    )


def test_an_open_stream_does_not_hold_up_a_server_that_stops() -> None:
    """Uvicorn waits for open responses, without a limit of its own."""
    with LiveServer("apps.health_app:app", subprocess=True) as server:
        import http.client

        connection = http.client.HTTPConnection(server.host, server.port, timeout=10)
        connection.request("GET", "/health/ready/stream")
        response = connection.getresponse()
        first = response.readline()
        started = time.monotonic()
        server.stop(signal.SIGTERM, timeout=20)
        took = time.monotonic() - started
        connection.close()

    assert b"retry: 1000\n" == first
    assert took < 4

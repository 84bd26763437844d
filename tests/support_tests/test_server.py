"""What the live server promises."""

import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import pytest
from fastapi import FastAPI

from support.raw import parse_response, raw_request
from support.server import LiveServer

SOURCE = """
import os

async def app(scope, receive, send):
    assert scope["type"] == "http"
    print("served\\ronce")
    names = ("A", "PYTEST_CURRENT_TEST")
    body = repr([os.environ.get(name) for name in names]).encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})
"""


def get(server: LiveServer) -> bytes:
    """Fetch the root and return the body."""
    request = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    return parse_response(raw_request(server.host, server.port, request)).body


def runs(pid: int) -> bool:
    """Tell a live process from a dead one, reaped or not."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture
def app_dir(tmp_path: Path) -> str:
    """A folder with an application to import."""
    (tmp_path / "served_app.py").write_text(SOURCE)
    return str(tmp_path)


@pytest.mark.parametrize("http", ["h11", "httptools"])
def test_a_thread_serves_an_application(http: Literal["h11", "httptools"]) -> None:
    """The lifespan runs and the server stops on demand."""
    log: list[str] = []

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        log.append("up")
        yield
        log.append("down")

    app = FastAPI(lifespan=lifespan)
    app.get("/")(lambda: "hello")
    with LiveServer(app, http=http) as server:
        assert b'"hello"' == get(server)
        code, seconds = server.stop()

    assert (0, ["up", "down"]) == (code, log)
    assert seconds < 1


def test_a_failing_start_is_reported() -> None:
    """A lifespan that raises fails the context, not the timeout."""

    async def refuse() -> None:
        raise ValueError("no")

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await refuse()
        yield

    with pytest.raises(RuntimeError, match="ended in startup"):
        LiveServer(FastAPI(lifespan=lifespan)).__enter__()


def test_a_subprocess_serves_outside_pytest(app_dir: str) -> None:
    """The environment is as asked for, the output readable, the end measured."""
    with LiveServer(
        "served_app:app", subprocess=True, env={"A": "1"}, app_dir=app_dir
    ) as server:
        assert b"['1', None]" == get(server)
        server.wait_for_line("GET / HTTP/1.1")
        code, seconds = server.stop(timeout=10)

    assert -signal.SIGTERM == code
    assert seconds < 5
    assert "served\ronce" in server.lines()
    assert "Finished server process" in server.stderr()


def test_a_subprocess_that_fails_shows_its_output() -> None:
    """The error holds what uvicorn said."""
    with pytest.raises(RuntimeError, match="Could not import module"):
        LiveServer("no_such_module:app", subprocess=True).__enter__()


def test_workers_can_be_killed_and_none_survive(app_dir: str) -> None:
    """The supervisor replaces a killed worker; leaving the context ends all."""
    with LiveServer("served_app:app", workers=2, app_dir=app_dir) as server:
        server.wait_for_line("Application startup complete", count=2)
        first = server.worker_pids()
        os.kill(first[0], signal.SIGKILL)
        server.wait_for_line("Application startup complete", count=3)
        second = server.worker_pids()

    assert (2, 2) == (len(first), len(second))
    assert [first[1]] == [pid for pid in second if pid in first]
    deadline = time.monotonic() + 2
    while any(runs(pid) for pid in second):
        assert time.monotonic() < deadline
        time.sleep(0.01)

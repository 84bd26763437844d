"""A blocked event loop is noticed by one thread, which comes and goes with us."""

import asyncio
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from textwrap import dedent
from typing import Any

import anyio
import httpx2
import pytest
from fastapi import FastAPI, Request, Response
from starlette.middleware.base import BaseHTTPMiddleware

from steadfastapi.testing import internal_errors
from steadfastapi.watchdog import monitor as monitor_module
from steadfastapi.watchdog.monitor import monitor
from steadfastapi.watchdog.pulse import INTERVAL, Pulse
from support.limited import until
from support.server import LiveServer
from support.watched import dog_of, watched
from watchdog.conftest import Heard

THREAD = "steadfastapi-watchdog"
BLOCKED, AGAIN = "the event loop is blocked", "the event loop runs again"


def threads() -> int:
    """Count the watchdogs' threads."""
    return sum(thread.name == THREAD for thread in threading.enumerate())


class Records(logging.Handler):
    """What the watchdog logs, from whatever thread."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Any] = []
        self.over = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        """Remember."""
        self.found.append(record)
        if record.getMessage() == AGAIN and self.of_hold():
            self.over.set()

    def of_hold(self) -> list[Any]:
        """Return the reports of `hold`; a busy machine may stop the loop elsewhere."""
        return [
            record
            for record in self.found
            if record.getMessage() == BLOCKED and "conftest.py:" in record.at
        ]


@pytest.fixture
def records() -> Iterator[Records]:
    """The lines of the watchdog."""
    handler = Records()
    logger = logging.getLogger("steadfastapi.watchdog")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler
    logger.setLevel(before)
    logger.removeHandler(handler)


@pytest.fixture
def hold(heard: Heard) -> Callable[[], None]:
    """A function that blocks until the watchdog has looked twice."""

    def hold() -> None:
        times = heard.times["event_loop_blocked_seconds",]
        heard.wait_for("event_loop_blocked_seconds", times=times + 2)

    return hold


async def passes_on(request: Request, call_next: Any) -> Response:
    """Run the application in another task, as `@app.middleware` does."""
    response: Response = await call_next(request)
    return response


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("middleware", [None, BaseHTTPMiddleware])
def test_a_blocked_loop_is_reported_once_with_line_route_and_request(
    loop: str,
    middleware: Any,
    records: Records,
    heard: Heard,
    hold: Callable[[], None],
) -> None:
    """Whatever loop it is, and whatever task the endpoint runs in."""
    app = FastAPI()
    if middleware is not None:
        app.add_middleware(middleware, dispatch=passes_on)

    @app.get("/block/{number}")
    async def block(number: int) -> int:
        await asyncio.sleep(2 * INTERVAL)  # the loop beats
        hold()
        return number

    stack = watched(app, blocked_after=0.3)
    with LiveServer(app, loop=loop) as server:
        answer = httpx2.get(f"{server.url}/block/7", timeout=30)
        assert records.over.wait(20)
        assert 0.1 < dog_of(stack).lag < 30

    (found,) = records.of_hold()
    assert found.request_id == answer.headers["x-request-id"]
    assert ("GET", "/block/{number}") == (found.method, found.route)
    # What blocks is Python's; the line is the innermost one of this file.
    assert "changed.wait_for" in found.code
    assert "block" in found.blocking_stack
    assert found.blocking_stack.count("\n") < 15  # not what calls the endpoint
    assert heard.totals["event_loop_blocked_seconds",] > 0.1
    assert heard.values["event_loop_lag_seconds",]
    assert heard.gauges["event_loop_lag_max_seconds",] > 0.1
    assert heard.gauges["threadpool_threads_capacity",] == 40


def test_what_no_request_is_waiting_for_is_reported_without_one(
    records: Records, hold: Callable[[], None]
) -> None:
    """A task of its own, started by the lifespan or a request."""
    app = FastAPI()

    @app.get("/start")
    async def start() -> None:
        asyncio.get_running_loop().call_later(2 * INTERVAL, hold)

    watched(app, blocked_after=0.3)
    with LiveServer(app) as server:
        httpx2.get(f"{server.url}/start", timeout=30)
        assert records.over.wait(20)

    (found,) = records.of_hold()
    assert not hasattr(found, "route")


def test_a_short_delay_is_measured_and_not_reported(
    records: Records, heard: Heard
) -> None:
    """The threshold is the application's."""
    app = FastAPI()
    watched(app, blocked_after=60)

    async def run() -> None:
        async with app.router.lifespan_context(app):
            while not heard.totals["event_loop_blocked_seconds",]:
                time.sleep(0.3)  # noqa: ASYNC251 - that is the point
                await asyncio.sleep(0.01)

    anyio.run(run)

    assert [] == records.found
    assert max(heard.values["event_loop_lag_seconds",]) > 0.1


def test_one_thread_for_all_applications_of_a_process() -> None:
    """It ends with the last of them, and starts again."""
    apps = [FastAPI(), FastAPI()]
    for app in apps:
        watched(app)

    async def run() -> list[int]:
        found = [threads()]
        async with AsyncExitStack() as stack:
            for app in apps:
                await stack.enter_async_context(app.router.lifespan_context(app))
                found.append(threads())
        found.append(threads())
        return found

    for _ in range(2):
        assert [0, 1, 1, 0] == anyio.run(run)
    assert 0.0 == monitor.lag


def test_it_runs_without_an_event_loop_of_asyncio() -> None:
    """As on trio: there is no pulse, and everything else."""
    pulse = monitor.join(0.1)

    assert pulse is None
    assert 1 == threads()
    assert 0.0 == monitor.lag
    assert monitor.leave(pulse, 5.0)
    assert 0 == threads()


def test_failures_of_ours_are_counted_and_the_watch_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In the beat, in the look at it, and in what is sampled."""

    def broken(*_: Any) -> None:
        raise OSError

    monkeypatch.setattr(monitor_module, "SAMPLES", (broken,))
    monkeypatch.setattr(monitor_module, "SAMPLE_INTERVAL", 0.01)
    monkeypatch.setattr(Pulse, "_record", broken)
    app = FastAPI()
    watched(app)

    async def run(expected: set[str]) -> None:
        async with app.router.lifespan_context(app):
            await until(lambda: expected <= errors.keys())
            assert 1 == threads()

    with internal_errors() as errors:
        anyio.run(run, {"watchdog.pulse", "watchdog.sample"})
        monkeypatch.setattr(Pulse, "check", broken)
        anyio.run(run, {"watchdog"})

    assert 0 == threads()


def test_a_loop_that_is_gone_is_not_blocked(records: Records) -> None:
    """Its application was not stopped, as in a test that forgets to."""
    pulses: list[Any] = []

    async def run() -> None:
        pulses.append(monitor.join(0.1))

    anyio.run(run)
    pulses[0].check(time.monotonic() + 60)
    assert monitor.leave(pulses[0], 5.0)

    assert [] == records.found


def test_pauses_of_the_garbage_collector_are_counted(heard: Heard) -> None:
    """By generation; nothing is counted while nobody watches."""
    import gc

    app = FastAPI()
    watched(app)

    async def run() -> None:
        async with app.router.lifespan_context(app):
            gc.collect()

    anyio.run(run)
    gc.collect()

    assert heard.totals["gc_collections", "2"] >= 1
    assert heard.totals["gc_pause_seconds", "2"] > 0
    assert all("steadfastapi" not in repr(one) for one in gc.callbacks)


FORK = """
    import asyncio, os, sys, threading
    from steadfastapi.watchdog.monitor import monitor

    def names():
        found = [one.name for one in threading.enumerate()]
        return found.count("steadfastapi-watchdog")

    async def main(fork):
        pulse = monitor.join(0.5)
        assert names() == 1
        if fork:
            child = os.fork()
            if child == 0:
                os._exit(0 if names() == 0 and monitor._users == 0 else 1)
            assert os.waitpid(child, 0)[1] == 0
        assert monitor.leave(pulse, 5.0)

    asyncio.run(main(True))
    child = os.fork()
    if child == 0:
        asyncio.run(main(False))
        os._exit(0)
    sys.exit(os.waitpid(child, 0)[1])
"""


def test_a_forked_child_starts_its_own() -> None:
    """It has neither thread nor loops of its parent."""
    done = subprocess.run(
        [sys.executable, "-c", dedent(FORK)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (0, "") == (done.returncode, done.stderr)

"""An application under load, as `configure` leaves it and without inbox and console."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest
from fastapi import FastAPI

from steadfastapi import configure
from steadfastapi.inbox.queue import MAX_BYTES
from support.asgi import call
from support.inbox_apps import inbox_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RATE = 2_000
"""Requests a second."""
EVERY = 20
"""One of so many fails: 5 %."""
SECONDS = 60.0
WARM = 5.0
ADDED = 0.001
MEMORY = 32 * 1024 * 1024
"""Bytes that the process may grow by while it is under load (NB-6)."""


def failing() -> FastAPI:
    """Return an application of which one route works."""
    app = FastAPI()

    @app.get("/ok")
    async def fine() -> str:
        return "ok"

    @app.get("/crash/{number}")
    async def crash(number: int) -> None:
        raise ValueError(f"no {number}")

    return app


async def drive(
    app: FastAPI, seconds: float, look: Callable[[], object] = lambda: None
) -> list[float]:
    """Send requests at the rate; return how long each took.

    Args:
        app: The application.
        seconds: For how long.
        look: Called ten times a second.
    """
    times: list[float] = []
    started = time.perf_counter()
    while (now := time.perf_counter() - started) < seconds:
        due = len(times) / RATE
        if due > now:
            await anyio.sleep(due - now)
        number = len(times)
        begun = time.perf_counter()
        with contextlib.suppress(ValueError):
            await call(app, path="/ok" if number % EVERY else f"/crash/{number}")
        times.append(time.perf_counter() - begun)
        if number % (RATE // 10) == 0:
            look()
    return times


def percentile(times: list[float], share: float) -> float:
    """Return the time that a share of the requests had at most."""
    return sorted(times)[int(len(times) * share)]


def resident() -> int:
    """Return the bytes of this process that are in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the log lines go where nobody keeps them: there are 120,000."""
    with Path(os.devnull).open("w") as nowhere:
        monkeypatch.setattr("sys.stdout", nowhere)
        yield


@pytest.mark.soak
@pytest.mark.usefixtures("unread")
def test_2000_requests_a_second_with_5_percent_errors() -> None:
    """0 lost, none dropped, p99 added at most 1 ms, queue and memory within bounds.

    Everything is on that is on by default, against the same without inbox and console.
    """
    plain = failing()
    configure(plain, inbox=False, console=False)
    without = anyio.run(drive, plain, SECONDS / 6)
    app = failing()

    with inbox_of(app, layers={"tracing": None, "sentry": None}) as kept:
        handle = kept.handle
        assert 404 != anyio.run(partial(call, app, path="/ops")).status
        warm = anyio.run(drive, app, WARM)
        before = resident()
        queued: list[int] = []
        times = anyio.run(
            drive, app, SECONDS, lambda: queued.append(handle.status().queued_bytes)
        )
        grown = resident() - before
        assert handle.flush(10)
        status = handle.status()
        (issue,) = kept.issues()

    failed = sum(-(-len(some) // EVERY) for some in (warm, times))
    added = percentile(times, 0.99) - percentile(without, 0.99)
    figures = {
        "requests a second": len(times) / SECONDS,
        "p99 added, ms": added * 1_000,
        "queue at most, KiB": max(queued) / 1_024,
        "memory grown, MiB": grown / 1_048_576,
    }
    sys.stderr.write(f"{ {name: round(one, 3) for name, one in figures.items()} }\n")
    assert len(times) >= 0.95 * RATE * SECONDS
    assert (failed, failed, {}, failed) == (
        status.accepted,
        status.written,
        status.dropped,
        issue.count,
    )
    assert max(queued) <= MAX_BYTES
    assert grown <= MEMORY
    assert added <= ADDED

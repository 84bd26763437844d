"""An application under load, with and without an inbox."""

from __future__ import annotations

import contextlib
import time

import anyio
import pytest
from fastapi import FastAPI

from steadfastapi import configure
from support.asgi import call
from support.inbox_apps import inbox_of

RATE = 2_000
"""Requests a second."""
EVERY = 20
"""One of so many fails: 5 %."""
SECONDS = 60.0
ADDED = 0.001


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


async def drive(app: FastAPI, seconds: float) -> list[float]:
    """Send requests at the rate; return how long each took."""
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
    return times


def percentile(times: list[float], share: float) -> float:
    """Return the time that a share of the requests had at most."""
    return sorted(times)[int(len(times) * share)]


@pytest.mark.soak
def test_2000_requests_a_second_with_5_percent_errors() -> None:
    """0 lost of those accepted, none dropped, p99 added at most 1 ms."""
    plain = failing()
    configure(plain, logs=False, tracing=False, sentry=False)
    without = anyio.run(drive, plain, SECONDS / 6)
    app = failing()

    with inbox_of(app, layers={"logs": False}) as kept:
        times = anyio.run(drive, app, SECONDS)
        assert kept.handle.flush(10)
        status = kept.handle.status()
        (issue,) = kept.issues()

    failed = -(-len(times) // EVERY)
    assert (failed, failed, {}, failed) == (
        status.accepted,
        status.written,
        status.dropped,
        issue.count,
    )
    assert percentile(times, 0.99) - percentile(without, 0.99) <= ADDED

"""The load of the outage matrix: wrk on two routes, and failures one by one."""

from __future__ import annotations

import asyncio
import itertools
import re
import shutil
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from uuid import uuid4

from support.services import require

if TYPE_CHECKING:
    from support.server import LiveServer

CONNECTIONS = 2
"""Of each wrk: more would measure how long requests wait for one another."""
FAILURES = 25
"""Failures a second: more than Sentry's queue of 100 holds for the time of a fault."""
FRESH = 10
"""Every so many failures one is of a kind of its own, and so an issue and an alert."""
BODY = b'{"detail":"Internal server error"}'
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


@dataclass(frozen=True, slots=True)
class Answers:
    """What wrk saw on one route."""

    requests: int
    wrong: int
    """Not 2xx, or no answer at all."""
    p99: float
    """Seconds."""


def hammer(server: LiveServer, paths: tuple[str, ...], seconds: float) -> list[Answers]:
    """Saturate a worker by one wrk a path, side by side.

    Args:
        server: Who is asked.
        paths: What for.
        seconds: How long; whole ones.
    """
    binary = require("wrk", shutil.which("wrk"))
    options = ["-t1", f"-c{CONNECTIONS}", f"-d{seconds:.0f}s", "--latency"]
    running = [
        subprocess.Popen(
            [binary, *options, "--timeout", "10s", f"{server.url}{path}"],
            stdout=subprocess.PIPE,
            text=True,
        )
        for path in paths
    ]
    return [read(one.communicate(timeout=seconds + 60)[0]) for one in running]


def read(report: str) -> Answers:
    """Read what wrk says."""
    slowest = re.search(r"99%\s+([0-9.]+)(us|ms|s|m)\b", report)
    count = re.search(r"(\d+) requests in", report)
    assert slowest is not None, report
    assert count is not None, report
    wrong = re.search(r"Non-2xx or 3xx responses: (\d+)", report)
    errors = re.search(
        r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", report
    )
    missing = sum(map(int, errors.groups())) if errors else 0
    return Answers(
        requests=int(count[1]),
        wrong=missing + (int(wrong[1]) if wrong else 0),
        p99=float(slowest[1]) * _UNITS[slowest[2]],
    )


class Failing:
    """Sends requests that fail, a steady number a second, in a thread.

    Each carries an id of its own: as its request id, as its trace's, and, if it is to
    be an issue of its own, as its kind.

    Args:
        server: Who is asked.
        rate: How many a second.
    """

    def __init__(self, server: LiveServer, rate: float = FAILURES) -> None:
        self._server = server
        self._pause = 1 / rate
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self.sent: list[str] = []
        """Ids of those that were answered."""
        self.fresh: list[tuple[float, str]] = []
        """When each that is an issue of its own was answered, and its id."""
        self.wrong = 0
        """Those that were answered otherwise than by the contract."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    async def _run(self) -> None:
        kind = uuid4().hex
        begun = time.monotonic()
        for number in itertools.count():
            if self._stop.is_set():
                return
            identity = uuid4().hex
            is_fresh = number % FRESH == 0
            kind = identity if is_fresh else kind
            await self._fail(identity, kind)
            if is_fresh:
                self.fresh.append((time.monotonic(), identity))
            due = begun + (number + 1) * self._pause
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _fail(self, identity: str, kind: str) -> None:
        answer = await ask(
            self._server,
            f"/crash/{kind}",
            f"X-Request-ID: {identity}",
            f"traceparent: 00-{identity}-{identity[:16]}-01",
        )
        if answer.startswith(b"HTTP/1.1 500 ") and answer.endswith(BODY):
            self.sent.append(identity)
        else:
            self.wrong += 1


async def ask(server: LiveServer, path: str, *headers: str) -> bytes:
    """Return the answer to a request on a connection of its own; empty if none came.

    Args:
        server: Who is asked.
        path: What for.
        *headers: Whole lines.
    """
    lines = (f"GET {path} HTTP/1.1", "Host: a", *headers, "Connection: close", "", "")
    try:
        async with asyncio.timeout(30):
            reader, writer = await asyncio.open_connection(server.host, server.port)
            writer.write("\r\n".join(lines).encode())
            answer = await reader.read()
            writer.close()
    except (OSError, TimeoutError):
        return b""
    return answer


def ask_around(server: LiveServer, paths: tuple[str, ...], seconds: float) -> Answers:
    """Ask for one path after the other, where wrk may not be installed.

    Args:
        server: Who is asked.
        paths: What for.
        seconds: How long.
    """
    times: list[float] = []
    wrong = 0

    async def run() -> None:
        nonlocal wrong
        ends_at = time.monotonic() + seconds
        for path in itertools.cycle(paths):
            if (began := time.monotonic()) > ends_at:
                return
            answer = await ask(server, path)
            times.append(time.monotonic() - began)
            wrong += not answer.startswith(b"HTTP/1.1 200 ")

    asyncio.run(run())
    slowest = sorted(times)[int(len(times) * 0.99)]
    return Answers(requests=len(times), wrong=wrong, p99=slowest)

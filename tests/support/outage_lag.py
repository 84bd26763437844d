"""How late an event loop is, and how much of that was the machine's fault."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

EVERY = 0.01
"""Seconds between two looks."""
KIB = 1024


class LagProbe:
    """Looks at the running event loop a hundred times a second.

    The kernel tells how long a thread that could run waited for a processor
    (`schedstat`). That is taken off each lag: on a machine that others use too it says
    nothing about the process. What remains is code that blocks the loop, waiting for
    I/O, or waiting for the interpreter's lock.
    """

    def __init__(self) -> None:
        path = f"/proc/self/task/{threading.get_native_id()}/schedstat"
        self._schedstat = os.open(path, os.O_RDONLY)
        self._lags: list[float] = []
        self._raw: list[float] = []
        self._times: dict[str, list[float]] = {}
        self._task = asyncio.create_task(self._look())

    @contextmanager
    def timed(self, path: str) -> Iterator[None]:
        """Measure a request, without what its thread waited for a processor."""
        began, waited = time.monotonic(), self._waited()
        try:
            yield
        finally:
            took = time.monotonic() - began - (self._waited() - waited)
            self._times.setdefault(path, []).append(max(0.0, took))

    def window(self) -> dict[str, Any]:
        """Return the figures since the last call, in seconds and bytes."""
        times, self._times = self._times, {}
        lags, self._lags = sorted(self._lags), []
        raw, self._raw = sorted(self._raw), []
        return {
            "looks": len(lags),
            "lag_p99": _p99(lags),
            "lag_max": lags[-1] if lags else 0.0,
            "lag_max_raw": raw[-1] if raw else 0.0,
            "rss": resident(os.getpid()),
            "own_p99": {path: _p99(sorted(all_)) for path, all_ in times.items()},
        }

    async def _look(self) -> None:
        while True:
            due, waited = time.monotonic() + EVERY, self._waited()
            await asyncio.sleep(EVERY)
            late = max(0.0, time.monotonic() - due)
            self._raw.append(late)
            self._lags.append(max(0.0, late - (self._waited() - waited)))

    def _waited(self) -> float:
        """Return the seconds that this thread has waited for a processor."""
        return int(os.pread(self._schedstat, 128, 0).split()[1]) / 1e9


def _p99(values: list[float]) -> float:
    """Return the 99th percentile of sorted values."""
    return values[int(len(values) * 0.99)] if values else 0.0


def resident(pid: int) -> int:
    """Return the resident memory of a process in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * KIB
    raise LookupError(f"process {pid} has no memory")

"""This machine and this process: disk space, and the event loop."""

from __future__ import annotations

import asyncio
import math
import shutil
from collections import deque
from pathlib import Path
from typing import Unpack

from steadfastapi.exceptions import ConfigurationError
from steadfastapi.health.model import ProbeResult, ProbeStatus
from steadfastapi.health.probe import BaseProbe, Outcome, ProbeOptions

PERCENT = 100
SAMPLES = 64


class DiskSpaceProbe(BaseProbe):
    """Looks at the free space of a file system, in a thread: network mounts hang.

    Args:
        path: A file or directory on it; must exist.
        name: Shown everywhere; `disk:path` by default.
        warn_percent: Free space, in percent, below which it is degraded.
        fail_percent: Free space, in percent, below which it is unhealthy.
        **options: Those of every probe.
    """

    def __init__(
        self,
        path: str | Path = "/",
        name: str | None = None,
        *,
        warn_percent: float = 10.0,
        fail_percent: float = 5.0,
        **options: Unpack[ProbeOptions],
    ) -> None:
        if not 0 <= fail_percent <= warn_percent <= PERCENT:
            raise ConfigurationError(
                f"DiskSpaceProbe(warn_percent={warn_percent!r}, "
                f"fail_percent={fail_percent!r}): from 0 to 100, and the first is the "
                "greater one."
            )
        if not Path(path).exists():
            raise ConfigurationError(f"DiskSpaceProbe(path={str(path)!r}): not there.")
        super().__init__(name or f"disk:{path}", **options)
        self.path = Path(path)
        self.warn_percent = warn_percent
        self.fail_percent = fail_percent

    def check(self) -> Outcome:
        """Look; blocks."""
        usage = shutil.disk_usage(self.path)
        free = PERCENT * usage.free / usage.total if usage.total else 0.0
        status = ProbeStatus.HEALTHY
        if free < self.fail_percent:
            status = ProbeStatus.UNHEALTHY
        elif free < self.warn_percent:
            status = ProbeStatus.DEGRADED
        well = status is ProbeStatus.HEALTHY
        return ProbeResult(
            name=self.name,
            status=status,
            error=None if well else f"{free:.1f} % free",
            details={"free_percent": round(free, 1), "free_bytes": usage.free},
        )


class EventLoopProbe(BaseProbe):
    """Measures by how much the event loop is late.

    Not critical by default: a busy worker that is taken out of rotation makes the
    others busier.

    Args:
        name: Shown everywhere, unique in an application.
        warn_ms: Milliseconds late from which on it is degraded.
        fail_ms: Milliseconds late from which on it is unhealthy.
        sample_interval_ms: Milliseconds between two measurements; a check judges the
            worst since the check before it.
        **options: Those of every probe.
    """

    name = "event_loop"
    critical_by_default = False

    def __init__(
        self,
        name: str | None = None,
        warn_ms: float = 100.0,
        fail_ms: float = 1_000.0,
        *,
        sample_interval_ms: float = 100.0,
        **options: Unpack[ProbeOptions],
    ) -> None:
        if not 0 < warn_ms <= fail_ms or sample_interval_ms <= 0:
            raise ConfigurationError(
                f"EventLoopProbe(warn_ms={warn_ms!r}, fail_ms={fail_ms!r}, "
                f"sample_interval_ms={sample_interval_ms!r}): above 0, and fail_ms is "
                "not below warn_ms."
            )
        super().__init__(name, **options)
        self.warn_ms = warn_ms
        self.fail_ms = fail_ms
        self._interval = sample_interval_ms / 1000
        self._lags: deque[float] = deque(maxlen=SAMPLES)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def check(self) -> Outcome:
        """Judge what was measured since the last check."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop = loop
            self._lags.clear()
            self._next()
        late = max(loop.time() - self._due, 0.0)  # a measurement that is overdue
        worst = 1000 * max([*self._lags, late])
        self._lags.clear()
        status = ProbeStatus.HEALTHY
        if worst >= self.fail_ms:
            status = ProbeStatus.UNHEALTHY
        elif worst >= self.warn_ms:
            status = ProbeStatus.DEGRADED
        well = status is ProbeStatus.HEALTHY
        return ProbeResult(
            name=self.name,
            status=status,
            error=None if well else f"{math.ceil(worst)} ms late",
            details={"lag_ms": round(worst, 2)},
        )

    async def aclose(self) -> None:
        """Measure no more."""
        if self._timer is not None:
            self._timer.cancel()
        self._loop = self._timer = None

    def _next(self) -> None:
        if self._loop is not None:
            self._due = self._loop.time() + self._interval
            self._timer = self._loop.call_at(self._due, self._measure)

    def _measure(self) -> None:
        if self._loop is not None:
            self._lags.append(self._loop.time() - self._due)
            self._next()

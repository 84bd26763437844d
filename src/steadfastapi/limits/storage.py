"""Decisions that are made in time, whatever becomes of the storage.

A shared storage gets 50 ms for a decision. What fails, or takes longer, is decided
in this process. Five failures with no answer between open the breaker: from then on
nobody waits, and a background task asks, at once and then every second, whether the
storage is back.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Protocol

from steadfastapi.limits.deadline import BUDGET, in_time
from steadfastapi.limits.demands import Demand, Verdict
from steadfastapi.limits.exhausted import Exhausted
from steadfastapi.signals import (
    RATE_LIMIT_FALLBACK,
    RATE_LIMIT_STORAGE_DURATION,
    RATE_LIMIT_STORAGE_ERRORS,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from steadfastapi._meter import Meter
    from steadfastapi.limits.memory import MemoryStorage

MAX_ASKED = 16
"""Decisions that are asked at one time, and so connections; the others wait, inside
of their time."""
FAILURES = 5
PROBE_INTERVAL = 1.0
"""Seconds between two questions whether the storage is back: it is used again 5 s
after it came back at the latest, with room for one that is missed."""
PROBE_TIMEOUT = 1.0
"""Seconds; longer than a decision has, so that a connection that takes long to open
is there when decisions need it."""
RECOVERY = 5
"""Seconds that a client is told to wait while the storage is away."""
REDIS, MEMORY = "redis", "memory"
"""Which storage a metric is about."""

_logger = logging.getLogger("steadfastapi.limits")


class SharedStorage(Protocol):
    """What decides for several processes."""

    async def take(self, demands: Sequence[Demand]) -> Verdict:
        """Grant all demands or none."""

    async def check(self) -> None:
        """Raise if nothing can be decided."""

    async def close(self) -> None:
        """Give back what is held."""


class Storage:
    """Decides in this process, or in a shared storage while that works.

    Args:
        local: Decides without a shared storage, and instead of one that fails.
        connect: Returns a shared storage for the running event loop; None without.
        workers: Among how many processes limits are divided meanwhile.
        meter: Counts failures.
    """

    def __init__(
        self,
        local: MemoryStorage,
        connect: Callable[[], SharedStorage] | None = None,
        *,
        workers: int = 1,
        meter: Meter,
    ) -> None:
        self.local = local
        self.down = False
        """Whether the breaker is open."""
        self._connect = connect
        self._workers = max(1, workers)
        self._meter = meter
        self._failures = 0
        self._answered = 0.0
        """When the shared storage last answered, on the clock of `perf_counter`."""
        self._exhausted = Exhausted()
        self._room = asyncio.Semaphore(MAX_ASKED)
        self._connected: SharedStorage | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._probe: asyncio.Task[None] | None = None
        self._warming: asyncio.Task[None] | None = None

    async def take(self, demands: Sequence[Demand], *, deny: bool = False) -> Verdict:
        """Grant all demands or none.

        Args:
            demands: What one request asks.
            deny: Refuse, instead of deciding here, while the shared storage fails.
        """
        if self._connect is None:
            return self.local.take(demands)
        connected = self._here(self._connect)
        if not self.down:
            began, asked = time.perf_counter(), False
            try:
                async with in_time(), self._room:
                    asked = True
                    verdict = await connected.take(demands)
            except Exception as error:
                self._meter.count(RATE_LIMIT_STORAGE_ERRORS)
                # Else this process was too busy to ask, or others were answered
                # meanwhile: late is not dead.
                if asked and self._answered < began:
                    self._failed(error)
            else:
                self._failures = 0
                self._answered = time.perf_counter()
                self._exhausted.remember(demands, verdict)
                return verdict
            finally:
                seconds = time.perf_counter() - began
                self._meter.observe(RATE_LIMIT_STORAGE_DURATION, seconds, REDIS)
        if deny:
            return Verdict(granted=False, unavailable=True)
        refused = self._exhausted.refuses(demands)
        if refused is not None:
            return refused
        return self._take_alone(demands)

    @property
    def shared(self) -> bool:
        """Whether the limits are shared with other processes."""
        return self._connect is not None

    def share(self, connect: Callable[[], SharedStorage]) -> None:
        """Count in a shared storage from now on."""
        self._connect = connect

    def warm(self) -> None:
        """Open a connection in the background, before the first decision needs it."""
        if self._connect is not None:
            self._here(self._connect)
            self._warming = asyncio.create_task(self._warm())

    async def close(self) -> None:
        """Stop asking, and give the connections back."""
        for task in (self._probe, self._warming):
            if task is not None:
                task.cancel()
        self._probe = self._warming = None
        if self._connected is not None:
            connected, self._connected = self._connected, None
            await connected.close()

    def close_from_thread(self, deadline: float) -> bool:
        """Do the same from outside of the event loop that serves."""
        loop = self._loop
        if loop is None or not loop.is_running():
            return True
        asyncio.run_coroutine_threadsafe(self.close(), loop).result(deadline)
        return True

    def _take_alone(self, demands: Sequence[Demand]) -> Verdict:
        """Decide in this process, which stands in for the shared storage."""
        began = time.perf_counter()
        verdict = self.local.take([self._share(demand) for demand in demands])
        seconds = time.perf_counter() - began
        self._meter.observe(RATE_LIMIT_STORAGE_DURATION, seconds, MEMORY)
        return verdict._replace(alone=True)

    def _share(self, demand: Demand) -> Demand:
        """What falls to this process; never nothing."""
        amount = max(1, demand.amount // self._workers)
        return demand._replace(amount=amount, cost=min(demand.cost, amount))

    def _here(self, connect: Callable[[], SharedStorage]) -> SharedStorage:
        loop = asyncio.get_running_loop()
        if self._connected is None or self._loop is not loop:
            self._connected, self._loop = connect(), loop
            self._room = asyncio.Semaphore(MAX_ASKED)
            if self.down:
                self._begin_to_probe()
        return self._connected

    def _failed(self, error: Exception) -> None:
        self._failures += 1
        if self._failures < FAILURES or self.down:
            return
        self.down = True
        self._meter.set(RATE_LIMIT_FALLBACK, 1)
        _logger.error(
            "the storage of the rate limits does not answer; every worker limits by "
            "itself until it does",
            extra={"error": type(error).__name__},
        )
        self._begin_to_probe()

    def _begin_to_probe(self) -> None:
        assert self._connected is not None  # noqa: S101 - it has just failed
        self._probe = asyncio.create_task(self._wait_for(self._connected))

    async def _wait_for(self, connected: SharedStorage) -> None:
        # Asked at once: a process that got no processor for a while took its own
        # lateness for the storage's. One that is merely slow must not pass here.
        if await self._answers(connected, BUDGET):
            self._recovered()
        while self.down:
            await asyncio.sleep(PROBE_INTERVAL)
            if await self._answers(connected):
                self._recovered()

    async def _warm(self) -> None:
        if self._connected is not None:
            await self._answers(self._connected)

    async def _answers(
        self, connected: SharedStorage, within: float = PROBE_TIMEOUT
    ) -> bool:
        try:
            async with asyncio.timeout(within):
                await connected.check()
        except Exception:
            self._meter.count(RATE_LIMIT_STORAGE_ERRORS)
            return False
        return True

    def _recovered(self) -> None:
        self.down = False
        self._failures = 0
        self._meter.set(RATE_LIMIT_FALLBACK, 0)
        _logger.warning("the storage of the rate limits answers again")

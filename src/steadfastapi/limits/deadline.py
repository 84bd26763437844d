"""The time that a decision has."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

BUDGET = 0.045
"""Seconds for one decision; with what the event loop adds, 50 ms (RL-4)."""

GRACE = 3
"""Turns of the event loop after which a late answer counts as missing. A process that
had to wait for the processor finds its timers expired and the answer in its socket:
that is no failure of the storage."""


class _Expiry:
    """Ends a timeout some turns of the event loop after its time."""

    def __init__(self, limit: asyncio.Timeout) -> None:
        self._loop = asyncio.get_running_loop()
        self._limit = limit
        self._handle: asyncio.Handle = self._loop.call_later(BUDGET, self._turn, GRACE)

    def cancel(self) -> None:
        """Let the timeout never end."""
        self._handle.cancel()

    def _turn(self, left: int) -> None:
        if left:
            self._handle = self._loop.call_soon(self._turn, left - 1)
        else:
            self._limit.reschedule(self._loop.time())


@asynccontextmanager
async def in_time() -> AsyncIterator[None]:
    """Raise `TimeoutError` where the body takes longer than `BUDGET`."""
    async with asyncio.timeout(None) as limit:
        expiry = _Expiry(limit)
        try:
            yield
        finally:
            expiry.cancel()

"""Results on their way to a storage: in order, in the background, and bounded."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from steadfastapi._guard import guard
from steadfastapi.health.storage import MemoryStorage

if TYPE_CHECKING:
    from collections.abc import Callable

    from steadfastapi.health.model import AlertRecord, ProbeResult
    from steadfastapi.health.storage import Operation, ProbeStorage

TIMEOUT = 2.0
"""Seconds for one call of a storage."""
MAX_WAITING = 1_000


class Recorder:
    """Keeps everything in memory, and a copy in the storage that was given.

    What the storage is too slow for is dropped, oldest first; what it refuses is
    counted as an internal error. Neither fails a check.

    Args:
        storage: What the application gave, if anything.
        history: Results of each probe that are kept in memory.
        alerts: State changes that are kept in memory.
    """

    def __init__(
        self, storage: ProbeStorage | None, *, history: int, alerts: int
    ) -> None:
        self.storage = storage
        self.memory = MemoryStorage(history, alerts)
        self.dropped = 0
        self._waiting: deque[Operation] = deque()
        self._task: asyncio.Task[None] | None = None

    def result(self, result: ProbeResult) -> None:
        """Keep a result, as the last one and in the history."""
        self.memory.keep(result)
        self.memory.remember(result)
        storage = self.storage
        if storage is not None:
            self._later(lambda: storage.set_latest(result))
            self._later(lambda: storage.append_history(result))

    def alert(self, alert: AlertRecord) -> None:
        """Keep a state change."""
        self.memory.note(alert)
        storage = self.storage
        if storage is not None:
            self._later(lambda: storage.append_alert(alert))

    async def history(self) -> dict[str, list[ProbeResult]]:
        """Return the history: the storage's, or this process's own."""
        storage = self.storage
        if storage is not None:
            found = await self._ask(storage.get_history)
            if found is not None:
                return dict(found)
        return await self.memory.get_history()

    async def alerts(self) -> list[AlertRecord]:
        """Return the state changes: the storage's, or this process's own."""
        storage = self.storage
        if storage is not None:
            found = await self._ask(storage.get_alerts)
            if found is not None:
                return list(found)
        return await self.memory.get_alerts()

    async def optional(self, method: str, *arguments: Any) -> tuple[bool, Any]:
        """Call a method that a storage may have.

        Returns:
            Whether there was an answer, and the answer.
        """
        function = getattr(self.storage, method, None)
        if function is None:
            return False, None
        try:
            async with asyncio.timeout(TIMEOUT):
                return True, await function(*arguments)
        except Exception as error:
            guard.swallow("health.storage", error)
            return False, None

    async def aclose(self) -> None:
        """Close the storage, where it can be closed."""
        if self._task is not None:
            self._task.cancel()
        await self.optional("aclose")

    async def _ask(self, function: Callable[[], Any]) -> Any:
        try:
            async with asyncio.timeout(TIMEOUT):
                return await function()
        except Exception as error:
            guard.swallow("health.storage", error)
            return None

    def _later(self, operation: Operation) -> None:
        while len(self._waiting) >= MAX_WAITING:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(operation)
        loop = asyncio.get_running_loop()
        task = self._task
        if task is None or task.done() or task.get_loop() is not loop:
            self._task = loop.create_task(self._work_off())

    async def _work_off(self) -> None:
        while self._waiting:
            operation = self._waiting.popleft()
            try:
                async with asyncio.timeout(TIMEOUT):
                    await operation()
            except Exception as error:
                guard.swallow("health.storage", error)

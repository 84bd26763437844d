"""State changes on their way to whoever asked for them."""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from steadfastapi._guard import guard

if TYPE_CHECKING:
    from steadfastapi.health.model import AlertRecord

Listener = Callable[..., Awaitable[None] | None]
"""Gets a state change, or name, state before and state after, as fastapi-watch calls
it; in the event loop, so that one that takes long is async."""

MAX_WAITING = 1_000
TIMEOUT = 10.0
"""Seconds for one listener and one change."""


class Changes:
    """Tells listeners of changes in order, in the background, from a bounded queue.

    No check waits for a listener. When more than a thousand changes wait, the oldest
    are dropped and counted.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._listeners: list[Listener] = []
        self._waiting: deque[AlertRecord] = deque()
        self._task: asyncio.Task[None] | None = None

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener(change)` from now on; returns the undo."""
        called = _of_three(listener) if _takes_three(listener) else listener
        self._listeners.append(called)

        def unsubscribe() -> None:
            if called in self._listeners:
                self._listeners.remove(called)

        return unsubscribe

    def tell(self, change: AlertRecord) -> None:
        """Queue a change; called in the event loop."""
        if not self._listeners:
            return
        while len(self._waiting) >= MAX_WAITING:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(change)
        loop = asyncio.get_running_loop()
        task = self._task
        if task is None or task.done() or task.get_loop() is not loop:
            self._task = loop.create_task(self._work_off())

    async def told(self) -> None:
        """Wait until nothing is queued; for tests, and before the end."""
        task = self._task
        if task is not None and not task.done():
            await asyncio.wait({task})

    async def _work_off(self) -> None:
        while self._waiting:
            change = self._waiting.popleft()
            for listener in tuple(self._listeners):
                try:
                    async with asyncio.timeout(TIMEOUT):
                        outcome = listener(change)
                        if inspect.isawaitable(outcome):
                            await outcome
                except Exception as error:
                    guard.swallow("health.listener", error)


def _takes_three(listener: Listener) -> bool:
    try:
        inspect.signature(listener).bind("name", "before", "after")
    except (TypeError, ValueError):
        return False
    try:
        inspect.signature(listener).bind("change")
    except TypeError:
        return True
    return False  # takes anything: `*args`


def _of_three(listener: Listener) -> Listener:
    def called(change: AlertRecord) -> Awaitable[None] | None:
        return listener(change.probe, change.old_status, change.new_status)

    return called

"""Errors that only the event loop hears of: of tasks that nobody awaited."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from steadfastapi._exchange import current
from steadfastapi._guard import guard
from steadfastapi.inbox.log_watch import silence

if TYPE_CHECKING:
    from collections.abc import Callable

    from steadfastapi._exchange import Exchange
    from steadfastapi.inbox.collector import Collector

    Handler = Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object]

EVENT = "asyncio_exception"


class LoopWatch:
    """Stands in front of the event loop's exception handler, which goes on as before.

    Args:
        collector: Takes what is found.
    """

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._loop: asyncio.AbstractEventLoop | None = None
        self._previous: Handler | None = None

    def install(self) -> None:
        """Watch the running loop; without one of asyncio, nothing."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # trio
            return
        self._loop = loop
        self._previous = loop.get_exception_handler()
        loop.set_exception_handler(self)

    def remove(self) -> None:
        """Give the loop its handler back, unless it has a newer one."""
        loop, self._loop = self._loop, None
        if loop is not None and loop.get_exception_handler() is self:
            loop.set_exception_handler(self._previous)
        self._previous = None

    def __call__(
        self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]
    ) -> None:
        """Take an error, and pass it on."""
        guard.call("inbox.loop", self._take, context)
        before = getattr(silence, "on", False)
        silence.on = True  # what the handler logs is in the inbox already
        try:
            if self._previous is not None:
                self._previous(loop, context)
            else:
                loop.default_exception_handler(context)
        finally:
            silence.on = before

    def _take(self, context: dict[str, Any]) -> None:
        text = str(context.get("message") or "error in the event loop")
        exception = context.get("exception")
        task = context.get("task") or context.get("future")
        exchange = _exchange_of(task)
        details = {"message": text}
        if task is not None:
            name = getattr(task, "get_name", None)
            details["task"] = name() if callable(name) else type(task).__name__
        if isinstance(exception, Exception):
            self._collector.exception(
                exception,
                exchange=exchange,
                event=EVENT,
                level="error",
                context=details,
            )
        elif exception is None:
            self._collector.message(
                text, exchange=exchange, event=EVENT, level="error", context=details
            )


def _exchange_of(task: Any) -> Exchange | None:
    """Return the exchange that started a task, if that shows (Python 3.12).

    The context in which the loop tells of a lost task is that of whoever happened to
    run when it was collected.
    """
    get_context = getattr(task, "get_context", None)
    if not callable(get_context):
        return None
    return get_context().get(current)  # type: ignore[no-any-return]

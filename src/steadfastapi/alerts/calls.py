"""Calls of any alerter, sync or async, with an end."""

from __future__ import annotations

import asyncio
import inspect
import threading
from typing import TYPE_CHECKING, Any

from steadfastapi.alerts.alerter import DeliveryError
from steadfastapi.alerts.http import HttpAlerter

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from steadfastapi.alerts.alert import Alert
    from steadfastapi.alerts.alerter import Alerter

SECONDS = 5.0
"""For one call of a custom alerter."""


class Caller:
    """Calls one alerter from a thread that may wait.

    Args:
        alerter: The alerter.
        seconds: For one call.
    """

    def __init__(self, alerter: Alerter, seconds: float = SECONDS) -> None:
        self._alerter = alerter
        self._seconds = seconds
        self._hanging: threading.Thread | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        """The application's; where clients live that an async alerter uses."""

    def __call__(self, alert: Alert) -> None:
        """Deliver an alert.

        Raises:
            Exception: What the alerter raised; `DeliveryError` if it took too long.
        """
        if isinstance(self._alerter, HttpAlerter):
            self._alerter.notify(alert)  # has a deadline of its own
            return
        if inspect.iscoroutinefunction(self._alerter.notify):
            self._wait(self._alerter.notify(alert))
            return
        pending = self._in_thread(alert)
        if inspect.isawaitable(pending):
            self._wait(_awaited(pending))

    def _in_thread(self, alert: Alert) -> Any:
        """Call a function that may never return; one such thread at a time."""
        if self._hanging is not None and self._hanging.is_alive():
            raise DeliveryError("the call before has not returned")
        result: list[Any] = []
        raised: list[Exception] = []

        def run() -> None:
            try:
                result.append(self._alerter.notify(alert))
            except Exception as error:
                raised.append(error)

        thread = threading.Thread(target=run, name="steadfastapi-alerter", daemon=True)
        self._hanging = thread
        thread.start()
        thread.join(self._seconds)
        if raised:
            raise raised[0]
        if not result:
            raise DeliveryError(f"no answer within {self._seconds:g} s")
        return result[0]

    def _wait(self, call: Coroutine[Any, Any, Any]) -> None:
        limited = _limited(call, self._seconds)
        if self.loop is None or not self.loop.is_running():
            try:
                asyncio.run(limited)
            except asyncio.CancelledError:
                # Not ours: nobody cancels this thread's loop.
                raise DeliveryError("it cancelled itself") from None
            return
        try:
            future = asyncio.run_coroutine_threadsafe(limited, self.loop)
        except RuntimeError:  # closed since
            limited.close()
            call.close()
            raise
        try:
            # A second more than it has: a loop that is blocked, or closes meanwhile.
            future.result(self._seconds + 1.0)
        except TimeoutError:
            future.cancel()
            raise DeliveryError(f"no answer within {self._seconds:g} s") from None


async def _limited(call: Coroutine[Any, Any, Any], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        await call


async def _awaited(pending: Any) -> None:
    await pending

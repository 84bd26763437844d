"""One call of a probe's `check()`, which may raise, hang or block as it likes."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import time
import types
from typing import TYPE_CHECKING, Any

from steadfastapi.health.threads import OwnThread

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

    from steadfastapi.health.probe import BaseProbe

GRACE = 0.2
"""Seconds at most that a check gets beside its timeout, where the event loop was late:
the answer may be there, and only nobody has looked."""


class Attempts:
    """Calls one probe, and never twice at a time.

    Args:
        probe: The probe.
        timeout: Seconds for a call.
    """

    def __init__(self, probe: BaseProbe, timeout: float) -> None:
        self._probe = probe
        self._timeout = timeout
        self._held = 0.0
        """Seconds for which the check held up the event loop without a break."""
        self._stuck: asyncio.Task[Any] | None = None
        self._thread = OwnThread(probe.name)

    async def run(self) -> Any:
        """Return what the check returns.

        Raises:
            TimeoutError: It took too long, held up the event loop for as long, or the
                one before it has still not ended.
            Exception: Whatever it raised.
        """
        if self._stuck is not None and not self._stuck.done():
            raise TimeoutError("the check before it still runs, although cancelled")
        self._held = 0.0
        inner = asyncio.get_running_loop().create_task(self._asked())
        try:
            done = await self._wait(inner)
        except asyncio.CancelledError:
            self._give_up(inner)
            raise
        if not done:
            self._give_up(inner)
            raise TimeoutError(f"no answer within {self._timeout:g} s")
        if inner.cancelled():
            raise RuntimeError("the check was cancelled")
        result = inner.result()
        if self._held > self._timeout:
            # No timeout could strike meanwhile.
            raise TimeoutError(f"it held up the event loop for {self._held:.1f} s")
        return result

    async def abandon(self) -> None:
        """Cancel what is stuck, and let it clean up; not for long."""
        stuck, loop = self._stuck, asyncio.get_running_loop()
        if stuck is not None and not stuck.done() and stuck.get_loop() is loop:
            stuck.cancel()
            await asyncio.wait({stuck}, timeout=GRACE)

    def _give_up(self, inner: asyncio.Task[Any]) -> None:
        """Cancel a call without waiting: it may ignore that it was cancelled."""
        self._stuck = inner
        inner.add_done_callback(_forget)
        inner.cancel()

    async def _wait(self, inner: asyncio.Task[Any]) -> bool:
        """Return whether the check ended in time.

        A busy application makes the loop late, and is no fault of the dependency.
        """
        started = time.monotonic()
        done, _ = await asyncio.wait({inner}, timeout=self._timeout)
        if not done:
            late = time.monotonic() - started - self._timeout
            done, _ = await asyncio.wait({inner}, timeout=min(max(late, 0.0), GRACE))
        return bool(done)

    def _note_step(self, seconds: float) -> None:
        self._held = max(self._held, seconds)

    async def _asked(self) -> Any:
        check: Any = self._probe.check
        try:
            if _is_async(check):
                return await _measured(check(), self._note_step)
            outcome = await self._thread.run(check)
            return await outcome if inspect.isawaitable(outcome) else outcome
        except SystemExit as error:
            # In a task it would end the server.
            raise RuntimeError(f"the check called sys.exit({error.code!r})") from None


@types.coroutine
def _measured(
    coroutine: Coroutine[Any, Any, Any], note: Callable[[float], None]
) -> Generator[Any, Any, Any]:
    """Run a coroutine, and note the seconds that each of its steps takes."""
    steps = coroutine.__await__()
    resume, argument = steps.send, None
    while True:
        started = time.perf_counter()
        try:
            waits_for = resume(argument)
        except StopIteration as end:
            return end.value
        finally:
            note(time.perf_counter() - started)
        try:
            argument = yield waits_for
            resume = steps.send
        except BaseException as error:
            resume, argument = steps.throw, error


def _is_async(check: Any) -> bool:
    call = getattr(check, "__call__", None)  # noqa: B004 - of an object, not whether
    return inspect.iscoroutinefunction(check) or inspect.iscoroutinefunction(call)


def _forget(task: asyncio.Task[Any]) -> None:
    """Retrieve what nobody waits for any more, so that asyncio does not complain."""
    with contextlib.suppress(asyncio.CancelledError):
        task.exception()

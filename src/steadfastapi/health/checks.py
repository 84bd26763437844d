"""All checks of an application, and the poll that keeps them current."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from steadfastapi._guard import guard
from steadfastapi.exceptions import ConfigurationError
from steadfastapi.health.check import Check, Landed, Rules
from steadfastapi.health.group import refuse_duplicate
from steadfastapi.health.model import ProbeStatus

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator

    from steadfastapi.health.group import Member

PATIENCE = 0.7
"""Seconds that a page waits for checks: the kubelet gives up after 1 s (HC-2)."""
CLOSE_SECONDS = 2.0
MAX_PROBES = 500
"""Checks every second; beyond it probes are made in a loop, by mistake."""


class Checks:
    """Asks every probe, and answers from what is known.

    While the poll runs, pages wait for nothing but a probe's very first result.
    Without it, as in an application whose lifespan is not run, they ask themselves.

    Args:
        rules: How probes are asked.
        landed: Told of each result.
    """

    def __init__(self, rules: Rules, landed: Landed) -> None:
        self._rules = rules
        self._landed = landed
        self._checks: dict[str, Check] = {}
        self._poll: asyncio.Task[None] | None = None
        self._side: asyncio.Task[None] | None = None
        self.each_second: list[Callable[[], Awaitable[None]]] = []
        """What the poll does besides."""

    def __iter__(self) -> Iterator[Check]:
        return iter(tuple(self._checks.values()))

    def __len__(self) -> int:
        return len(self._checks)

    def named(self, name: str) -> Check | None:
        """Return a check by its name."""
        return self._checks.get(name)

    def add(self, member: Member) -> None:
        """Ask one more probe; the same object twice counts once.

        Raises:
            ConfigurationError: Its name is taken, or there are too many.
        """
        known = self._checks.get(member.probe.name)
        if known is not None and known.probe is member.probe:
            return
        refuse_duplicate(member.probe, (check.probe for check in self))
        if len(self._checks) >= MAX_PROBES:
            raise ConfigurationError(
                f"add({member.probe!r}): there are {MAX_PROBES} probes already; one "
                "probe can check several things of a kind."
            )
        self._checks[member.probe.name] = Check(member, self._rules, self._landed)

    @property
    def every(self) -> float:
        """Seconds between two checks of a probe."""
        return self._rules.every

    @property
    def polling(self) -> bool:
        """Whether the poll runs in this event loop."""
        poll = self._poll
        if poll is None or poll.done():
            return False
        return poll.get_loop() is asyncio.get_running_loop()

    async def fresh(self, checks: Iterable[Check]) -> None:
        """Wait until `checks` have results that are worth showing, at most 0.7 s."""
        polling = self.polling
        flights = [
            flight
            for check in checks
            if not polling or check.latest is None
            if (flight := check.begin()) is not None
        ]
        if flights:
            await asyncio.wait(flights, timeout=PATIENCE)

    def start(self) -> None:
        """Begin to poll, in the event loop that runs; under trio nobody polls."""
        with contextlib.suppress(RuntimeError):
            loop = asyncio.get_running_loop()
            self._poll = loop.create_task(self._keep_current())

    def stop(
        self, deadline: float, also: Callable[[], Awaitable[None]] | None = None
    ) -> bool:
        """Stop polling and close the probes; called in a thread.

        Args:
            deadline: Seconds.
            also: Closes what else there is, in the event loop.

        Returns:
            Whether everything was closed in time.
        """
        poll, self._poll = self._poll, None
        if poll is None or not poll.get_loop().is_running():
            return True
        closing = asyncio.run_coroutine_threadsafe(
            self._close(poll, also), poll.get_loop()
        )
        try:
            closing.result(min(deadline, CLOSE_SECONDS))
        except TimeoutError:
            closing.cancel()
            return False
        return True

    async def _keep_current(self) -> None:
        while True:
            for check in self:
                check.begin()
            if self._side is None or self._side.done():
                # A storage that hangs must not hold the checks.
                self._side = asyncio.create_task(self._besides())
            now = time.monotonic()
            # A check that is still running is looked after once it has landed.
            dues = [check.due for check in self if check.due > now]
            await asyncio.sleep(min([due - now for due in dues], default=self.every))

    async def _besides(self) -> None:
        for action in self.each_second:
            try:
                await action()
            except Exception as error:
                guard.swallow("health.poll", error)

    async def _close(
        self,
        poll: asyncio.Task[None],
        also: Callable[[], Awaitable[None]] | None,
    ) -> None:
        poll.cancel()
        await asyncio.wait({poll})
        if self._side is not None:
            self._side.cancel()
        await asyncio.gather(
            *(check.aclose() for check in self), return_exceptions=True
        )
        if also is not None:
            await also()


def overall(checks: Iterable[Check]) -> str:
    """Return the state of several checks together.

    Returns:
        `unhealthy` where a critical one is; `starting` where a critical one has never
        been answered; `degraded` where another one is unhealthy or any is degraded;
        else `healthy`.
    """
    worst = "healthy"
    for check in checks:
        status = check.standing.status
        if check.critical and status is ProbeStatus.UNHEALTHY:
            return "unhealthy"
        if check.critical and check.latest is None:
            worst = "starting"
        elif status in (ProbeStatus.UNHEALTHY, ProbeStatus.DEGRADED):
            worst = "degraded" if worst == "healthy" else worst
    return worst

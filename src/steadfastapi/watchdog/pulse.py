"""The pulse of one event loop: how late it is, several times a second."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from anyio import to_thread

from steadfastapi._counts import counts
from steadfastapi._guard import guard
from steadfastapi.signals import (
    EVENT_LOOP_BLOCKED,
    EVENT_LOOP_LAG,
    EVENT_LOOP_LAG_MAX,
    THREADPOOL_CAPACITY,
    THREADPOOL_USED,
    THREADPOOL_WAITING,
)
from steadfastapi.watchdog.culprit import Culprit, culprit

if TYPE_CHECKING:
    from anyio import CapacityLimiter

INTERVAL = 0.2
"""Seconds between two beats. Waking up is what an idle process pays for: 0.1 % of a
core at this rate (measured)."""
LATE = 0.1
"""Seconds beyond which a lag counts as blocked time."""
MEMORY = 15
"""Seconds that the longest lag is remembered."""

_logger = logging.getLogger("steadfastapi.watchdog")


class Pulse:
    """Beats on an event loop; another thread looks whether it still does.

    Args:
        blocked_after: Seconds without a beat after which the loop is blocked.
    """

    def __init__(self, blocked_after: float) -> None:
        self.loop = asyncio.get_running_loop()
        self.users = 0
        self.blocked_after = blocked_after
        self.due = 0.0
        self._limiter: CapacityLimiter = to_thread.current_default_thread_limiter()
        self._thread = threading.get_ident()
        self._longest = 0.0
        self._recent: deque[float] = deque([0.0], maxlen=MEMORY)
        self._rolled_at = 0.0
        self._counted = 0.0
        self._is_reported = False
        self._look_again = 0.0
        self._schedule()

    @property
    def lag(self) -> float:
        """The longest lag of the last seconds."""
        return max(self._longest, *self._recent)

    @property
    def alarm_at(self) -> float:
        """When the loop is blocked unless it beats before, as `time.monotonic()`."""
        return max(self.due + self.blocked_after, self._look_again)

    def check(self, now: float) -> None:
        """Report a loop that is blocked; called from another thread."""
        late = now - self.due
        if late < self.blocked_after:
            return
        self._look_again = now + self.blocked_after
        if not self.loop.is_running():
            return
        found = None if self._is_reported else culprit(self._thread)
        if found is None and not self._is_reported:
            self._look_again = now + INTERVAL
            return  # it waits for events: what is late is the whole process
        # Now, as a loop that never comes back could not count it.
        counts.add(EVENT_LOOP_BLOCKED, amount=late - self._counted)
        self._counted = late
        counts.set(EVENT_LOOP_LAG_MAX, max(late, self.lag))
        if found is not None:
            self._is_reported = True
            _report(found, late)

    def _schedule(self) -> None:
        self.due = time.monotonic() + INTERVAL
        self.loop.call_later(INTERVAL, self._beat)

    def _beat(self) -> None:
        if not self.users:
            return
        now = time.monotonic()
        try:
            self._record(now, max(0.0, now - self.due))
        except Exception as error:
            guard.swallow("watchdog.pulse", error)
        self._schedule()

    def _record(self, now: float, lag: float) -> None:
        counts.observe(EVENT_LOOP_LAG, lag)
        if lag > LATE:
            counts.add(EVENT_LOOP_BLOCKED, amount=max(0.0, lag - self._counted))
        self._counted = 0.0
        self._longest = max(self._longest, lag)
        if self._is_reported:
            self._is_reported = False
            seconds = round(lag, 3)
            _logger.info(
                "the event loop runs again", extra={"blocked_seconds": seconds}
            )
        if now - self._rolled_at >= 1.0:
            self._rolled_at = now
            self._recent.append(self._longest)
            self._longest = 0.0
            self._tell()

    def _tell(self) -> None:
        counts.set(EVENT_LOOP_LAG_MAX, self.lag)
        limiter = self._limiter
        counts.set(THREADPOOL_USED, limiter.borrowed_tokens)
        counts.set(THREADPOOL_CAPACITY, limiter.total_tokens)
        counts.set(THREADPOOL_WAITING, limiter.statistics().tasks_waiting)


def _report(found: Culprit, late: float) -> None:
    fields: dict[str, object] = {
        "blocked_seconds": round(late, 3),
        "at": found.at,
        "code": found.code,
        "blocking_stack": found.stack,
    }
    exchange = found.exchange
    if exchange is not None:
        fields["request_id"] = exchange.id
        fields["method"] = exchange.method
        fields["route"] = exchange.resolve_route()
    _logger.warning("the event loop is blocked", extra=fields)

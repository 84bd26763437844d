"""The way to one alerter: its queue, its thread, its retries.

Each alerter has its own, so that one whose system hangs holds up no other. The thread
starts with the first alert: a process that only prepares and forks has none.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from typing import TYPE_CHECKING

from steadfastapi._fork import in_children
from steadfastapi._guard import guard
from steadfastapi._scrub import scrub_text
from steadfastapi.alerts.alerter import Alerter, DeliveryError, interval_of
from steadfastapi.alerts.calls import Caller
from steadfastapi.alerts.fleet import Fleet
from steadfastapi.alerts.http import MAX_RETRY_AFTER
from steadfastapi.alerts.queue import Queue
from steadfastapi.alerts.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable

    from steadfastapi.alerts.alert import Alert
    from steadfastapi.alerts.case import Case, Pace
    from steadfastapi.alerts.claims import Claims

MIN_PAUSE, MAX_PAUSE = 0.25, 3.0
"""Seconds between two attempts, doubled with each failure: with the 5 s of an attempt
that hangs, an alert arrives less than 10 s after the repair (NB-6)."""
GIVE_UP_AFTER = 3600.0
"""Seconds; what nobody took for an hour is dropped."""
QUIET_POLL = 1.0
"""Seconds between two questions whether maintenance has ended."""
LOG_INTERVAL = 20.0
"""Seconds between two log lines about failures of one alerter."""

_logger = logging.getLogger("steadfastapi.alerts")


class Channel:
    """Brings alerts to one alerter.

    Args:
        name: In logs, metrics and claims.
        alerter: Who is told.
        pace: How quickly.
        claims: Who of several processes tells.
        is_quiet: Whether nobody is told at present.
    """

    def __init__(
        self,
        name: str,
        alerter: Alerter,
        *,
        pace: Pace,
        claims: Claims | None,
        is_quiet: Callable[[], bool],
    ) -> None:
        self.name = name
        self.caller = Caller(alerter)
        self._interval = interval_of(alerter)
        self._pace = pace
        self._claims = claims
        self._is_quiet = is_quiet
        self._reset()
        in_children(self._reset)

    def _reset(self) -> None:
        """Begin anew; in a forked child too, whose parent tells what waited."""
        self.tally = Tally(self.name)
        self._queue = Queue(self._pace, self.tally)
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closing = False
        self._not_before = 0.0
        self._pause = 0.0
        self._fleet = Fleet(self.name, self._claims)
        self._logged_at = -LOG_INTERVAL
        self.caller.loop = None

    def put(self, alert: Alert, *, quiet: bool) -> None:
        """Take notice of an alert; never waits for anybody."""
        with self._changed:
            if self._closing:
                self.tally.accepted += 1
                self.tally.drop("shutdown")
                return
            self._queue.put(alert, time.monotonic(), quiet=quiet)
            if self._thread is None or not self._thread.is_alive():
                thread = threading.Thread(
                    target=self._run, name=f"steadfastapi-alerts-{self.name}"
                )
                thread.daemon = True
                guard.call("alerts.thread", thread.start)
                # Where none could start, the next alert tries again.
                self._thread = thread if thread.ident is not None else None
            self._changed.notify_all()

    def count(self) -> Tally:
        """Return the counts up to now."""
        with self._changed:
            self.tally.waiting = self._queue.waiting
            return self.tally

    def reopen(self) -> None:
        """Accept alerts again after `close`."""
        with self._changed:
            self._closing = False

    def close(self, until: float) -> bool:
        """Tell what is due, and end.

        Args:
            until: When to give up, by `time.monotonic`.

        Returns:
            Whether everything was told.
        """
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(max(0.0, until - time.monotonic()))
        with self._changed:
            left = self._queue.clear()
            for _ in range(left):
                self.tally.drop("shutdown")
            # What is left then had to wait: maintenance, or it opened a moment ago.
            ended = thread is not None and not thread.is_alive()
            return ended or left == 0

    def _run(self) -> None:
        thread = threading.current_thread()
        while True:
            quiet = self._is_quiet()
            with self._changed:
                closing = self._closing
                if self._thread is not thread and not closing:
                    return  # closed, given up, and opened again
                now = time.monotonic()
                case = None
                if not quiet:
                    case = self._queue.next(now, closing=closing)
                wait = self._seconds_until(case, now, quiet=quiet)
                if closing and (wait is None or not self._will_be_due(case, now)):
                    return
                if wait is None or wait > 0:
                    self._changed.wait(wait)
                    continue
                alert = case.begin() if case is not None else None
            if case is not None and alert is not None:
                try:
                    self._deliver(case, alert)
                except Exception as error:
                    self._not_before = time.monotonic() + MAX_PAUSE
                    guard.swallow("alerts.deliver", error)

    def _seconds_until(
        self, case: Case | None, now: float, *, quiet: bool
    ) -> float | None:
        """Return how long nothing is to be done; None is until something changes."""
        if quiet:
            return QUIET_POLL if self._queue.waiting else None
        if case is None or case.newest is None:
            return None
        return min(max(case.due, self._not_before) - now, threading.TIMEOUT_MAX)

    def _will_be_due(self, case: Case | None, now: float) -> bool:
        return case is not None and case.due <= now

    def _deliver(self, case: Case, alert: Alert) -> None:
        escalates = case.escalates
        if not self._fleet.lets_us(case, alert, escalates=escalates):
            self._leave(case, alert)
            return
        try:
            self.caller(alert)
        except Exception as error:
            self._failed(case, alert, error)
            return
        now = time.monotonic()
        with self._changed:
            if case.sending is None:
                return  # counted as lost: the process ends
            self._pause = 0.0
            self._not_before = now + self._interval
            self._queue.done(case, alert, now)
            self.tally.tried("ok")
        self._fleet.told(alert, escalates=escalates)

    def _failed(self, case: Case, alert: Alert, error: Exception) -> None:
        now = time.monotonic()
        permanent = isinstance(error, DeliveryError) and error.permanent
        asked = error.retry_after if isinstance(error, DeliveryError) else 0.0
        with self._changed:
            if case.sending is None:
                return  # counted as lost: the process ends
            kept = self._queue.failed(case, now)
            expired = now - case.failing_since > GIVE_UP_AFTER
            if kept and (permanent or expired):
                self._queue.give_up(case)
                self.tally.drop("rejected" if permanent else "expired")
            self.tally.tried("fail" if permanent or expired else "retry")
            self._pause = min(MAX_PAUSE, max(MIN_PAUSE, self._pause * 2))
            # Not all replicas at the same moment.
            pause = self._pause * random.uniform(0.75, 1.0)  # noqa: S311
            self._not_before = now + max(
                pause, min(asked, MAX_RETRY_AFTER), self._interval
            )
            due = now - self._logged_at >= LOG_INTERVAL
            self._logged_at = now if due else self._logged_at
        if due:
            # A warning: an error would be captured, and be an alert of its own.
            _logger.warning(
                "alert not delivered by %s: %s; %s",
                self.name,
                scrub_text(_reason(error), 256),
                "given up" if permanent or expired else "tried again",
                extra={"alerter": self.name, "alert": alert.key},
            )

    def _leave(self, case: Case, alert: Alert) -> None:
        """Leave it to the process that claimed it, if that is still there later."""
        now = time.monotonic()
        with self._changed:
            if case.sending is None:
                return  # counted as lost: the process ends
            if case.denials == 0 and not self._closing:
                self._queue.denied(case, now + self._fleet.lease)
                return
            self._queue.done(case, alert, now)
            self.tally.drop("claimed")


def _reason(error: Exception) -> str:
    name = type(error).__name__
    return str(error) if isinstance(error, DeliveryError) else name

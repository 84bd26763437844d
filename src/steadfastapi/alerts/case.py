"""What is known about one alert on its way to one alerter. Decides, and does nothing.

An alert that opens is told at once. That it is over is told when it has been over for
`settle` seconds, and that it became worse when it has been worse for as long. It opens
again `every` seconds after it did the last time at the earliest. So a thousand flaps a
minute are at most one open and one resolve (HC-10).

What was not told yet gives way to what is newer: a system that was away for an hour
is told how things are now.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steadfastapi.alerts.alert import Alert

RESOLVED = 0
"""`Alert.level` of what is over; everything above is open."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How quickly people are told.

    Args:
        settle: Seconds that a better or worse state must last before it is told.
        every: Seconds from one opening to the next.
    """

    settle: float = 15.0
    every: float = 60.0


class Case:
    """One key of one alerter; times are seconds of any clock.

    Args:
        pace: How quickly.
    """

    __slots__ = (
        "_level",
        "_opened_at",
        "_owed",
        "_pace",
        "_since",
        "denials",
        "due",
        "failing_since",
        "lease_until",
        "newest",
        "sending",
        "told",
    )

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._level: int | None = None
        self._since = -math.inf
        self._opened_at = -math.inf
        self._owed = False
        self.newest: Alert | None = None
        """What waits to be told, or is being told."""
        self.sending: Alert | None = None
        """What is being told at this moment."""
        self.told: int | None = None
        """Level that was told last; None when nothing was, or nobody knows."""
        self.due = math.inf
        """When `newest` is to be told."""
        self.failing_since = math.inf
        """Since when it is tried in vain."""
        self.lease_until = -math.inf
        """Until when this process alone tells it."""
        self.denials = 0
        """How often another process had claimed it."""

    @property
    def escalates(self) -> bool:
        """Whether `newest` is a worse state of what was told to be open."""
        known = (self.told or RESOLVED) != RESOLVED
        return known and self.newest is not None and self.newest.is_open

    def update(self, alert: Alert, now: float, *, quiet: bool) -> bool:
        """Take notice of a state; it takes the place of what waits.

        Args:
            alert: The state.
            now: When.
            quiet: Whether nobody is told at present: what begins and ends meanwhile is
                never told.

        Returns:
            Whether it waits to be told; else there is nothing new in it.
        """
        if not quiet:
            self._owe(now)
            if self._level is None and alert.level == RESOLVED:
                # Somebody knows of an opening that we do not: a process before this.
                self._owed = True
        if alert.level != self._level:
            self._level, self._since = alert.level, now
            self.lease_until, self.denials = -math.inf, 0
        self.failing_since = math.inf
        self.due = self._when(alert.level)
        self.newest = None if self.due == math.inf else alert
        if not quiet:
            self._owe(now)
        return self.newest is not None

    def begin(self) -> Alert | None:
        """Return what to tell now."""
        self.sending = self.newest
        return self.newest

    def succeeded(self, now: float) -> None:
        """What was being told is known, by us or by another process."""
        sent, self.sending = self.sending, None
        if sent is None:
            return
        self.told = sent.level
        self._owed = False
        self.failing_since = math.inf
        if sent.is_open:
            self._opened_at = now
        if self.newest is sent:
            self.newest = None
        self.due = math.inf if self.newest is None else self._when(self.newest.level)
        if self.due == math.inf:
            self.newest = None  # says what is known now

    def failed(self, now: float) -> bool:
        """Nobody knows whether it arrived; returns whether it waits again."""
        sent, self.sending = self.sending, None
        self.told = None
        self._owed = True
        if self.newest is None:
            self.newest = sent
        self.failing_since = min(self.failing_since, now)
        if self.newest is not None:
            # Behind the others: what a system cannot read must not hold them up.
            self.due = max(now, self._when(self.newest.level))
        return self.newest is sent

    def denied(self, until: float) -> bool:
        """Another process tells it: look again then; returns whether it waits."""
        sent, self.sending = self.sending, None
        if self.newest is None:
            self.newest = sent
        if self.newest is sent:
            self.denials += 1
            self.due = until
        return self.newest is sent

    def drop(self) -> None:
        """Give up what waits."""
        self.newest = self.sending = None
        self.due = self.failing_since = math.inf

    def is_over(self, now: float) -> bool:
        """Return whether nothing about it need be remembered."""
        return (
            self.newest is None
            and self.sending is None
            and (self.told or RESOLVED) == RESOLVED
            and self._opened_at + self._pace.every <= now
        )

    def _owe(self, now: float) -> None:
        """Remember that what is due must have an end, even if it is over before."""
        if self.newest is not None and self.due <= now:
            self._owed = True

    def _when(self, level: int) -> float:
        """Return when to tell a level, infinity if never."""
        told = self.told if self.sending is None else self.sending.level
        is_open = told is not None and told != RESOLVED
        settled = self._since + self._pace.settle
        if level == RESOLVED:
            return settled if is_open or self._owed else math.inf
        if not is_open:
            return self._opened_at + self._pace.every
        return settled if level > (told or RESOLVED) else math.inf

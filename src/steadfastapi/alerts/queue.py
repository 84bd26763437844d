"""What waits for one alerter: the newest state of each key, within bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steadfastapi.alerts.case import RESOLVED, Case, Pace

if TYPE_CHECKING:
    from steadfastapi.alerts.alert import Alert
    from steadfastapi.alerts.tally import Tally

MAX_CASES = 1_000
"""Keys that are known at a time (NB-7)."""
MAX_BYTES = 8 * 1024 * 1024
"""Bytes of alerts that wait (NB-7)."""


class Queue:
    """Holds the cases of one alerter; the caller holds a lock.

    Args:
        pace: How quickly people are told.
        tally: Counts what is not told.
    """

    def __init__(self, pace: Pace, tally: Tally) -> None:
        self._pace = pace
        self._tally = tally
        self._cases: dict[str, Case] = {}
        self._bytes = 0

    def put(self, alert: Alert, now: float, *, quiet: bool) -> None:
        """Take notice of a state."""
        self._tally.accepted += 1
        case = self._cases.get(alert.key)
        if case is None:
            if not self._has_room(now):
                self._tally.drop("full")
                return
            case = self._cases[alert.key] = Case(self._pace)
        before = case.newest
        if self._bytes - _size(before) + alert.size > MAX_BYTES:
            if alert.is_open:
                self._tally.drop("full")
                return
            alert = alert.brief()  # or what is open would stay so for ever
        waits = case.update(alert, now, quiet=quiet)
        self._bytes += _size(case.newest) - _size(before)
        if before is not None and before is not case.sending:
            self._tally.drop("superseded")
        if not waits:
            self._tally.drop("duplicate")

    def next(self, now: float, *, closing: bool = False) -> Case | None:
        """Return what is to be told first, due or not.

        Args:
            now: When.
            closing: Whether that something is over need not settle: nobody would tell
                it later.
        """
        first: Case | None = None
        for case in self._cases.values():
            if case.newest is None:
                continue
            if closing and case.newest.level == RESOLVED and case.denials == 0:
                case.due = min(case.due, now)
            if first is None or case.due < first.due:
                first = case
        return first

    def done(self, case: Case, alert: Alert, now: float) -> None:
        """Forget an alert that is known now."""
        before = case.newest
        case.succeeded(now)
        self._bytes += _size(case.newest) - _size(before)
        if before is not None and before is not alert and case.newest is None:
            self._tally.drop("superseded")

    def failed(self, case: Case, now: float) -> bool:
        """Keep an alert whose delivery failed, unless a newer one took its place."""
        before = case.newest
        kept = case.failed(now)
        self._bytes += _size(case.newest) - _size(before)
        if not kept:
            self._tally.drop("superseded")
        return kept

    def denied(self, case: Case, until: float) -> None:
        """Look again at an alert that another process has claimed."""
        before = case.newest
        waits = case.denied(until)
        self._bytes += _size(case.newest) - _size(before)
        if not waits:
            self._tally.drop("claimed")

    def give_up(self, case: Case) -> None:
        """Forget an alert that cannot be told; the caller counts it."""
        self._bytes -= _size(case.newest)
        case.drop()

    def clear(self) -> int:
        """Forget everything that waits; returns how much that was."""
        waiting = self.waiting
        for case in self._cases.values():
            case.drop()  # whoever is telling it at this moment sees that
        self._cases.clear()
        self._bytes = 0
        return waiting

    @property
    def waiting(self) -> int:
        """Alerts that wait or are being told."""
        return sum(
            (case.newest is not None)
            + (case.sending is not None and case.sending is not case.newest)
            for case in self._cases.values()
        )

    def _has_room(self, now: float) -> bool:
        if len(self._cases) < MAX_CASES:
            return True
        idle = [key for key, case in self._cases.items() if case.is_over(now)]
        if not idle:
            # What is open for long, and known to be: the oldest goes first.
            idle = [
                key
                for key, case in self._cases.items()
                if case.newest is None and case.sending is None
            ][:1]
        for key in idle:
            del self._cases[key]
        return bool(idle)


def _size(alert: Alert | None) -> int:
    return 0 if alert is None else alert.size

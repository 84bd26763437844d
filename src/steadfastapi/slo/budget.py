"""How much of an error budget is left, counted in this process."""

from __future__ import annotations

import threading
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steadfastapi.slo.objective import Objective

MINUTE = 60.0
HOUR = 3_600.0
DAY = 86_400.0
MINUTES_KEPT = 60
HOURS_A_DAY = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetStatus:
    """One objective at this moment, as this process has seen it since it started.

    Args:
        name: Of the objective.
        kind: What it judges: `availability`, `latency` or `events`.
        objective: Percentage of good events that is promised.
        good: Good events in the window.
        bad: Bad ones.
        budget_remaining: Share of the error budget that is left: 1 is all of it, 0
            none, less than 0 more than all is gone.
        burn_rate: How many times too fast the last hour burnt it; 1 uses it up
            exactly by the end of the window.
        window: Length of the window in seconds.
    """

    name: str
    kind: str
    objective: float
    good: int
    bad: int
    budget_remaining: float
    burn_rate: float
    window: float


class Ring:
    """Good and bad events of the last stretches of time; memory is taken once.

    Args:
        width: Seconds of one stretch.
        size: How many of them are kept.
    """

    __slots__ = ("_bad", "_good", "_size", "_turn", "_width")

    def __init__(self, width: float, size: int) -> None:
        self._width = width
        self._size = size
        self._good = array("Q", bytes(8 * size))
        self._bad = array("Q", bytes(8 * size))
        self._turn: int | None = None

    def add(self, now: float, good: int, bad: int) -> None:
        """Add events to the stretch of `now`."""
        index = self._at(now)
        self._good[index] += good
        self._bad[index] += bad

    def totals(self, now: float) -> tuple[int, int]:
        """Return the good and bad events of all stretches up to `now`."""
        self._at(now)
        return sum(self._good), sum(self._bad)

    def _at(self, now: float) -> int:
        """Return the place of a time, with what is too old forgotten."""
        turn = int(now // self._width)
        last = turn if self._turn is None else self._turn
        for passed in range(last + 1, min(turn, last + self._size) + 1):
            self._good[passed % self._size] = 0
            self._bad[passed % self._size] = 0
        self._turn = max(turn, last)
        return self._turn % self._size


class Budget:
    """The error budget of one objective.

    `good` and `bad` are added to where events happen, and taken over into the rings
    now and then: an event costs one addition.

    Args:
        objective: What is promised.
    """

    __slots__ = ("_hours", "_lock", "_minutes", "bad", "good", "objective")

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        self.good = 0
        self.bad = 0
        self._minutes = Ring(MINUTE, MINUTES_KEPT)
        self._hours = Ring(HOUR, objective.days * HOURS_A_DAY)
        self._lock = threading.Lock()

    def book(self, now: float, *, good: bool) -> None:
        """Count one event at once, from any thread.

        Args:
            now: Seconds of a clock that never goes back.
            good: What it was.
        """
        with self._lock:
            for ring in (self._minutes, self._hours):
                ring.add(now, int(good), int(not good))

    def take_over(self, now: float) -> None:
        """Book what was counted since the last time.

        Args:
            now: Seconds of a clock that never goes back.
        """
        with self._lock:
            good, self.good = self.good, 0
            bad, self.bad = self.bad, 0
            self._minutes.add(now, good, bad)
            self._hours.add(now, good, bad)

    def status(self, now: float) -> BudgetStatus:
        """Return what is left of the budget.

        Args:
            now: Of the same clock.
        """
        self.take_over(now)
        with self._lock:
            good, bad = self._hours.totals(now)
            recent = self._minutes.totals(now)
        allowed = self.objective.budget
        return BudgetStatus(
            name=self.objective.name,
            kind=self.objective.kind,
            objective=self.objective.percent,
            good=good,
            bad=bad,
            budget_remaining=1 - _share(good, bad) / allowed,
            burn_rate=_share(*recent) / allowed,
            window=self.objective.days * DAY,
        )


def _share(good: int, bad: int) -> float:
    """Return the share of bad events; 0 of none."""
    return bad / (good + bad) if bad else 0.0

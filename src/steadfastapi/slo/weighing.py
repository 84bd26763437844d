"""Unit tests of the event-weighted rules, which run every five minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steadfastapi.slo import names
from steadfastapi.slo.expectations import Expectations
from steadfastapi.slo.promql import quoted
from steadfastapi.slo.worlds import BUSY, Stretch, World

if TYPE_CHECKING:
    from steadfastapi.signals import Naming
    from steadfastapi.slo.expectations import Case
    from steadfastapi.slo.recording import Target

NIGHT = 60.0
"""Events a minute, a hundredth of the day's."""


class Weighing:
    """The cases of one objective of one job.

    Args:
        target: The objective.
        naming: How the families are called.
    """

    def __init__(self, target: Target, naming: Naming) -> None:
        self._expect = Expectations(target)
        self._objective = target.events.objective
        self._world = World(self._objective, target.job, naming)

    def all(self) -> list[Case]:
        """Return the cases."""
        return [
            self._by_events(),
            self._idle(),
            *(self._first_errors() if self._objective.kind != "latency" else []),
            *([self._exhausted()] if self._objective.budget * 3 < 1 else []),
        ]

    def _by_events(self) -> Case:
        """Two days and nights of an hour each, with errors in a night.

        By time, one twenty-fourth of a tenth went wrong; by events, hardly anything.
        """
        day, night = Stretch(60, 0.0, BUSY), Stretch(50, 0.0, NIGHT)
        incident = Stretch(10, 0.1, NIGHT)
        world = [day, night, incident, day, night, Stretch(10, 0.0, NIGHT)]
        events = 0.1 * 10 * NIGHT / (120 * BUSY + 120 * NIGHT)
        period = names.rate(self._objective.period)
        return self._expect.case(
            "an incident at night weighs as little as its events",
            self._world.series(world),
            [
                self._expect.near("4h", names.EVENT_ERROR, events),
                self._expect.near("4h", period, 0.1 * 10 / 240),
            ],
        )

    def _first_errors(self) -> list[Case]:
        """A series that appears with a value has not risen, for Prometheus.

        The metrics layer therefore exports the series of errors from the start.
        """
        good = self._world.only_good(20)
        return [
            self._expect.case(
                f"the first error {what}",
                [*good, self._world.bad_only(values)],
                [self._expect.seen("15m", names.BAD_5M, seen)],
            )
            for values, seen, what in (
                ("0x11 10x10", 1, "is seen where its series was there from the start"),
                ("_x12 10x10", 0, "cannot be seen where its series came with it"),
            )
        ]

    def _idle(self) -> Case:
        return self._expect.case(
            "idle time leaves the budget whole",
            self._world.series([Stretch(60, 0.0, 0.0), Stretch(30)]),
            [
                self._expect.nothing("1h", names.EVENT_ERROR),
                self._expect.value("90m", names.EVENT_REMAINING, 1),
            ],
        )

    def _exhausted(self) -> Case:
        alert = f"alertname={quoted(names.BUDGET_EXHAUSTED)}"
        sound, broken = Stretch(60), Stretch(120, 3 * self._objective.budget)
        return self._expect.case(
            "a budget that is gone is a ticket",
            self._world.series([sound, broken]),
            [
                self._expect.firing("1h", 0, alert),
                self._expect.firing("3h", 1, alert),
                self._expect.near("3h", names.EVENT_REMAINING, -1.0),
            ],
        )

"""Unit tests of an objective's rules, as promtool runs them.

Each case is what an engineer would want to know: does an outage page, and when; does
it stop; what stays silent. Services with a few hundred requests an hour are a case of
their own.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from steadfastapi.slo import names
from steadfastapi.slo.expectations import PAGE, Expectations
from steadfastapi.slo.promql import quoted
from steadfastapi.slo.windows import ABOVE_4X, PAGES, TICKETS
from steadfastapi.slo.worlds import BUSY, Stretch, World

if TYPE_CHECKING:
    from steadfastapi.signals import Naming
    from steadfastapi.slo.expectations import Case
    from steadfastapi.slo.objective import Objective
    from steadfastapi.slo.recording import Target

SOMEBODY = "somebody-else"
HOUR = 60
COARSE = 15
"""Minutes between two samples of the cases that last for days."""


class Cases:
    """The cases of one objective of one job.

    Args:
        target: The objective.
        naming: How the families are called.
        others: Objectives of the same job that must stay silent meanwhile.
    """

    def __init__(self, target: Target, naming: Naming, others: list[Objective]) -> None:
        self._expect = Expectations(target)
        self._objective = target.events.objective
        self._naming = naming
        self._world = World(self._objective, target.job, naming)
        self._others = others

    def fast(self) -> list[Case]:
        """Return the cases that are evaluated every two minutes."""
        objective = self._objective
        found = [self._healthy(), self._no_errors(), self._deploy(), self._idle()]
        if objective.min_bad_events > 1:  # one would be enough otherwise
            found.append(self._lonely())
            if self._pages_after(20, 50):
                found.append(self._quiet())
        if objective.above_4x and objective.budget * ABOVE_4X[2] * 1.1 < 1:
            found += [self._near(3.9, fires=False), self._near(4.1, fires=True)]
        return found

    def slow(self) -> list[Case]:
        """Return the cases of the long windows, over hours and days."""
        days = self._objective.days
        page, ticket = PAGES[1].factor(days) * 1.1, TICKETS[1].factor(days) * 1.3
        found = []
        if can_page(self._objective):
            found.append(self._burst())
        if page * self._objective.budget < 1:
            found.append(self._burning(page, "page", 6 * HOUR))
        if ticket * self._objective.budget < 1:
            found.append(self._burning(ticket, "ticket", 72 * HOUR))
        return found

    def _healthy(self) -> Case:
        outage = World(self._objective, SOMEBODY, self._naming)
        return self._expect.case(
            "what the budget allows is silent, whatever another job does",
            [
                *self._world.series([Stretch(90, self._calm)]),
                *outage.series([Stretch(90, 1.0)]),
            ],
            [
                self._expect.firing("30m", 0),
                self._expect.firing("90m", 0),
                self._expect.value("90m", names.rate("5m"), self._calm),
                self._expect.value(
                    "90m", names.CURRENT_BURN, self._calm / self._objective.budget
                ),
            ],
        )

    def outage(self) -> Case:
        """Return the case of an outage, which no objective in `others` may notice."""
        objective = self._objective
        soon = 60 * PAGES[0].factor(objective.days) * objective.budget
        if objective.above_4x:
            soon = min(soon, 30 * ABOVE_4X[2] * objective.budget)
        wait = 2 * math.ceil((soon + 1) / 2)  # as the tests evaluate
        lasting = wait + 8
        stretches = [Stretch(HOUR), Stretch(lasting, 1.0), Stretch(HOUR + 4)]
        repaired = HOUR + lasting
        return self._expect.case(
            f"an outage pages within {wait} minutes, and stops after the repair",
            self._world.series(stretches),
            [
                self._expect.firing("1h", 0),
                self._expect.fires(f"{HOUR + wait}m", PAGE),
                *(self._expect.silent(f"{repaired}m", other) for other in self._others),
                self._expect.firing(f"{repaired + HOUR + 2}m", 0, PAGE),
            ],
        )

    def _near(self, factor: float, *, fires: bool) -> Case:
        bad = factor * self._objective.budget
        alert = f"alertname={quoted(names.ABOVE_4X)}"
        stretches = [Stretch(40), Stretch(40, bad)]
        outcome = "pages" if fires else "is silent"
        return self._expect.case(
            f"{factor} times too fast for 30 minutes {outcome}",
            self._world.series(stretches),
            [
                self._expect.firing("60m", 0, alert),
                self._expect.firing("72m", int(fires), alert),
            ],
        )

    def _no_errors(self) -> Case:
        return self._expect.case(
            "without any bad event the share is 0, and not absent",
            self._world.only_good(30),
            [
                self._expect.value("30m", names.rate("5m"), 0),
                self._expect.value("30m", names.PERIOD_REMAINING, 1),
            ],
        )

    def _idle(self) -> Case:
        return self._expect.case(
            "an idle hour leaves the budget whole",
            self._world.series([Stretch(HOUR, 0.0, 0.0), Stretch(20)]),
            [
                self._expect.nothing("1h", names.rate("5m")),
                self._expect.value("80m", names.PERIOD_REMAINING, 1),
            ],
        )

    def _deploy(self) -> Case:
        bad = self._calm
        return self._expect.case(
            "counters that start anew with a deploy are no outage",
            self._world.resetting(40, 40, bad),
            [
                self._expect.firing("42m", 0),
                self._expect.firing("80m", 0),
                self._expect.value("80m", names.rate("5m"), bad),
            ],
        )

    def _lonely(self) -> Case:
        rare = self._objective.min_bad_events / 15
        once = [Stretch(HOUR, 0.0, rare), Stretch(1, 1.0, 1.0), Stretch(9, 0.0, rare)]
        return self._expect.case(
            "one bad event of a quiet service is silent",
            self._world.series(once),
            [self._expect.firing("62m", 0), self._expect.firing("66m", 0)],
        )

    def _quiet(self) -> Case:
        # As many in a quarter of an hour as it takes to be heard.
        rare = self._objective.min_bad_events / 15
        every = [Stretch(30, 0.0, rare), Stretch(20, 1.0, rare)]
        return self._expect.case(
            "a quiet service that fails altogether pages within 20 minutes",
            self._world.series(every),
            [self._expect.firing("40m", 0, PAGE), self._expect.fires("50m", PAGE)],
        )

    def _pages_after(self, failing: int, minutes: int) -> bool:
        """Return whether an outage of some minutes pages, where there were no more."""
        objective = self._objective
        fast = PAGES[0].factor(objective.days) * objective.budget
        early = objective.above_4x and failing / 30 > ABOVE_4X[2] * objective.budget
        return early or failing / minutes > fast

    def _burst(self) -> Case:
        """An hour that only the fastest pair sees: six hours hardly notice it."""
        fastest = PAGES[0].factor(self._objective.days)
        bad = min(1.0, 1.1 * fastest * self._objective.budget)
        alert = f"alertname={quoted(names.BURN)},{PAGE}"
        return self._expect.case(
            f"{1.1 * fastest:.3g} times too fast for an hour is a page",
            self._world.series([Stretch(6 * HOUR), Stretch(HOUR, bad)]),
            [
                self._expect.firing("405m", 0, alert),
                self._expect.firing("7h", 1, alert),
            ],
        )

    def _burning(self, factor: float, severity: str, minutes: int) -> Case:
        # Days of minutes take promtool long, and the windows are of hours; recorded
        # counts of five minutes however need every minute.
        step = 1 if self._expect.target.recorded else COARSE
        bad = factor * self._objective.budget
        before = Stretch(HOUR // step, 0.0, BUSY * step)
        burning = Stretch(minutes // step, bad, BUSY * step)
        alert = f"alertname={quoted(names.BURN)},severity={quoted(severity)}"
        end = f"{HOUR + minutes}m"
        expected = [self._expect.firing("1h", 0), self._expect.firing(end, 1, alert)]
        if severity == "ticket":
            expected.append(self._expect.firing(end, 0, PAGE))
        return self._expect.case(
            f"{factor:.2g} times too fast for {minutes // HOUR} hours is a {severity}",
            self._world.series([before, burning]),
            expected,
            interval=f"{step}m",
        )

    @property
    def _calm(self) -> float:
        """Share of bad events that no alert minds: half of what the slowest does."""
        slowest = TICKETS[1].factor(self._objective.days)
        return self._objective.budget * min(1.0, slowest) / 2


def can_page(objective: Objective) -> bool:
    """Return whether an outage burns the budget fast enough for the fastest alert."""
    return objective.budget * PAGES[0].factor(objective.days) < 1

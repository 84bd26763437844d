"""`stack.slo`: the error budgets of this process."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from steadfastapi.signals import SLO_EVENTS
from steadfastapi.slo.budget import Budget

if TYPE_CHECKING:
    from steadfastapi._meter import Meter
    from steadfastapi.slo.budget import BudgetStatus
    from steadfastapi.slo.objective import Spec

RESULTS = ("good", "bad")


class SLOHandle:
    """What is promised, and how much may still go wrong.

    Args:
        spec: The objectives.
        meter: Where events are counted for Prometheus.
    """

    def __init__(self, spec: Spec, meter: Meter) -> None:
        self.spec = spec
        self._meter = meter
        self.budgets = [
            Budget(objective)
            for objective in spec.objectives
            if objective.kind != "raw"  # only Prometheus can answer its queries
        ]
        self.events = {
            budget.objective.name: budget
            for budget in self.budgets
            if budget.objective.kind == "events"
        }
        """The objectives that `count_good` and `count_bad` know."""

    def status(self) -> list[BudgetStatus]:
        """Return the error budget of each objective, as this process has seen it.

        It starts whole with the process, and knows nothing of other workers: what
        was promised is kept or broken in Prometheus, this is to look at.
        """
        now = perf_counter()
        return [budget.status(now) for budget in self.budgets]

    def count(self, slo: str, *, good: bool) -> bool:
        """Count an event; False where there is no objective of this name."""
        budget = self.events.get(slo)
        if budget is None:
            return False
        budget.book(perf_counter(), good=good)
        self._meter.count(SLO_EVENTS, slo, "good" if good else "bad")
        return True

    def declare(self) -> None:
        """Let every series be there before the first event, so that it is a rise."""
        for slo in self.events:
            for result in RESULTS:
                self._meter.declare(SLO_EVENTS, slo, result)

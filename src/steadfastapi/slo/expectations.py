"""What a unit test of an objective's rules expects, in promtool's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steadfastapi.slo.promql import quoted

if TYPE_CHECKING:
    from steadfastapi.slo.objective import Objective
    from steadfastapi.slo.recording import Target
    from steadfastapi.slo.worlds import Series

Case = dict[str, Any]
PAGE = 'severity="page"'
DIGITS = 0.000001


class Expectations:
    """Asks about the series of one objective of one job.

    Args:
        target: The objective.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self.objective = target.events.objective

    def case(
        self, name: str, world: list[Series], expected: list[Case], interval: str = "1m"
    ) -> Case:
        """Return a test: what was scraped, and what follows from it."""
        return {
            "name": f"{self.target.job}, {self.objective.name}: {name}",
            "interval": interval,
            "input_series": world,
            "promql_expr_test": expected,
        }

    def firing(self, at: str, count: int, more: str = "") -> Case:
        """Expect so many alerts of this objective; `more` narrows down which."""
        return expect(at, f"count({self._alerts(more)}) or vector(0)", count)

    def fires(self, at: str, more: str) -> Case:
        """Expect an alert of this objective, or several."""
        alerts = f"(count({self._alerts(more)}) or vector(0))"
        return expect(at, f"{alerts} > bool 0", 1)

    def silent(self, at: str, other: Objective) -> Case:
        """Expect no alert of another objective of the same service."""
        matchers = f'alertstate="firing",sloth_slo={quoted(other.name)}'
        return expect(at, f"count(ALERTS{{{matchers}}}) or vector(0)", 0)

    def value(self, at: str, name: str, value: float) -> Case:
        """Expect the value of a recorded series."""
        return expect(
            at,
            f"round(sum({self.target.series(name)}), {DIGITS:f})",
            round(value, 6),
        )

    def near(self, at: str, name: str, value: float) -> Case:
        """Expect it within a fifth: Prometheus 2 and 3 cut ranges differently."""
        distance = f"abs(sum({self.target.series(name)}) - {value!r})"
        return expect(at, f"{distance} < bool {abs(value) / 5!r}", 1)

    def seen(self, at: str, name: str, value: int) -> Case:
        """Expect a recorded series to be above 0, if `value` is 1, or at 0."""
        return expect(at, f"sum({self.target.series(name)}) > bool 0", value)

    def nothing(self, at: str, name: str) -> Case:
        """Expect a recorded series to have no sample."""
        return {"expr": self.target.series(name), "eval_time": at, "exp_samples": []}

    def _alerts(self, more: str) -> str:
        labels = self.target.labels
        inner = f'alertstate="firing",sloth_id={quoted(labels["sloth_id"])}'
        inner += f",job={quoted(self.target.job)}" + (f",{more}" if more else "")
        return f"ALERTS{{{inner}}}"


def expect(at: str, expression: str, value: float) -> Case:
    """Expect one value without labels."""
    return {
        "expr": expression,
        "eval_time": at,
        "exp_samples": [{"labels": "{}", "value": value}],
    }

"""Recording rules of one objective: sloth's, and the event-weighted ones.

Sloth's rules have defects that were measured, and are mended here:

- One idle period is 0/0, and the sum over the period stays NaN until it has left it:
  shares are divided by a total above 0, and there is no sample instead.
- Without any 5xx series there is no share at all: bad events are 0 then.
- The share of the period weighs every minute alike, so that a night with ten requests
  counts as much as a day with a million. It keeps sloth's meaning; the event-weighted
  pair beside it says what users met, and is what our dashboards and the alert of an
  exhausted budget read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steadfastapi.slo import names
from steadfastapi.slo.promql import quoted

if TYPE_CHECKING:
    from steadfastapi.slo.promql import Events

Rule = dict[str, Any]
FIVE = "5m"
RECORDED = ("1d", "3d")
"""Windows that `long_windows: recorded` builds from five-minute counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An objective of one job, and what identifies its series.

    Args:
        service: Name of the service.
        job: Prometheus's name of what is scraped.
        events: Counts its events.
        recorded: Whether long windows are built from recorded counts.
    """

    service: str
    job: str
    events: Events
    recorded: bool = False

    @property
    def labels(self) -> dict[str, str]:
        """Labels of every series of this objective."""
        name = self.events.objective.name
        return {
            "job": self.job,
            "sloth_id": f"{self.service}-{name}",
            "sloth_service": self.service,
            "sloth_slo": name,
        }

    def series(self, name: str) -> str:
        """Return the selector of a recorded series of this objective."""
        pairs = (f"{label}={quoted(value)}" for label, value in self.labels.items())
        return f"{name}{{{', '.join(pairs)}}}"

    def duration(self, window: str) -> str:
        """Return a window in PromQL."""
        return self.events.clock.duration(window)

    def record(self, name: str, expression: str, **labels: str) -> Rule:
        """Return a recording rule."""
        return {"record": name, "expr": expression, "labels": self.labels | labels}


def fast_rules(target: Target) -> list[Rule]:
    """Return the rules that every evaluation runs."""
    return [
        *(_share(target, window) for window in names.WINDOWS),
        _period_share(target),
        *_figures(target),
        *_burn_rates(target),
        _info(target),
    ]


def slow_rules(target: Target) -> list[Rule]:
    """Return the rules that run every five minutes: event-weighted, a period long."""
    objective, events = target.events.objective, target.events
    period = target.duration(objective.period)
    bad = f"sum_over_time({target.series(names.BAD_5M)}[{period}])"
    total = f"sum_over_time({target.series(names.TOTAL_5M)}[{period}])"
    budget = target.series(names.ERROR_BUDGET)
    error = target.series(names.EVENT_ERROR)
    return [
        target.record(names.TOTAL_5M, events.total(FIVE, "increase")),
        target.record(names.BAD_5M, events.bad(FIVE, "increase")),
        target.record(names.EVENT_ERROR, f"{bad} / ({total} > 0)"),
        target.record(names.EVENT_REMAINING, f"1 - {error} / {budget}"),
    ]


def bad_in(target: Target, window: str) -> str:
    """Return how many bad events there were in a window."""
    if target.recorded and window in RECORDED:
        series = target.series(names.BAD_5M)
        return f"sum_over_time({series}[{target.duration(window)}])"
    return target.events.bad(window, "increase")


def _share(target: Target, window: str) -> Rule:
    events = target.events
    if target.recorded and window in RECORDED:
        duration = target.duration(window)
        bad = f"sum_over_time({target.series(names.BAD_5M)}[{duration}])"
        total = f"sum_over_time({target.series(names.TOTAL_5M)}[{duration}])"
    else:
        bad, total = events.bad(window), events.total(window)
    return target.record(
        names.rate(window), f"{bad} / ({total} > 0)", sloth_window=window
    )


def _period_share(target: Target) -> Rule:
    period = target.events.objective.period
    short = f"{target.series(names.rate(FIVE))}[{target.duration(period)}]"
    return target.record(
        names.rate(period),
        f"sum_over_time({short}) / ignoring (sloth_window) count_over_time({short})",
        sloth_window=period,
    )


def _figures(target: Target) -> list[Rule]:
    objective = target.events.objective
    return [
        target.record(names.OBJECTIVE, f"vector({objective.ratio!r})"),
        target.record(names.ERROR_BUDGET, f"vector({objective.budget!r})"),
        target.record(names.PERIOD_DAYS, f"vector({objective.days})"),
    ]


def _burn_rates(target: Target) -> list[Rule]:
    per_budget = (
        " / on (sloth_id, sloth_slo, sloth_service, job) group_left "
        + target.series(names.ERROR_BUDGET)
    )
    now = target.series(names.rate(FIVE))
    period = target.series(names.rate(target.events.objective.period))
    burnt = target.series(names.PERIOD_BURN)
    return [
        target.record(names.CURRENT_BURN, now + per_budget),
        target.record(names.PERIOD_BURN, period + per_budget),
        target.record(names.PERIOD_REMAINING, f"1 - {burnt}"),
    ]


def _info(target: Target) -> Rule:
    return target.record(
        names.INFO,
        "vector(1)",
        sloth_mode="steadfastapi",
        sloth_objective=f"{target.events.objective.percent:g}",
        sloth_spec="prometheus/v1",
        sloth_version="v0.16",
    )

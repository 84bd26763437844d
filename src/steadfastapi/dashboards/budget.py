"""Queries over the recorded series of the SLOs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steadfastapi.dashboards.expressions import Expression
from steadfastapi.slo import names

if TYPE_CHECKING:
    from steadfastapi.dashboards.expressions import Queries
    from steadfastapi.dashboards.panels import Step

BURN_LINES: tuple[Step, ...] = (
    (1.0, "yellow"),
    (4.0, "orange"),
    (6.0, "orange"),
    (14.4, "red"),
)
"""Burn rates: 1 is as planned; from the others on somebody is paged."""

_ID = ("job", "sloth_id")
_MATCH = "on (sloth_id, job)"
_DAY = 86_400


def objective(q: Queries) -> Expression:
    """Return what was promised."""
    return _by_id(q.record(names.OBJECTIVE))


def reached(q: Queries) -> Expression:
    """Return the share of good events in the period, weighted by events."""
    return _by_id(f"1 - {q.record(names.EVENT_ERROR)}")


def errors(q: Queries) -> Expression:
    """Return the share of bad events in the period, weighted by events."""
    return _by_id(q.record(names.EVENT_ERROR))


def budget_left(q: Queries) -> Expression:
    """Return the share of the error budget that is left, weighted by events."""
    return _by_id(q.record(names.EVENT_REMAINING))


def burn(q: Queries, window: str) -> Expression:
    """Return how many times faster than planned the budget is spent.

    Args:
        q: In the scope of the dashboard.
        window: One that is recorded, e.g. `1h`.
    """
    rate, budget = q.record(names.rate(window)), q.record(names.ERROR_BUDGET)
    return _by_id(f"{rate} / {_MATCH} {budget}")


def time_left(q: Queries) -> Expression:
    """Return the seconds until the budget is gone at the rate of the last hour."""
    left = f"clamp_min({q.record(names.EVENT_REMAINING)}, 0)"
    seconds = f"{left} * {_MATCH} {q.record(names.PERIOD_DAYS)} * {_DAY}"
    return _by_id(f"{seconds} / {_MATCH} ({burn(q, '1h').text} > 0)")


def _by_id(text: str) -> Expression:
    return Expression(f"max by ({', '.join(_ID)}) ({text})", _ID)

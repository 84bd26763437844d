"""Judges each finished request by the objectives of its route."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from steadfastapi.signals import UNMATCHED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steadfastapi._exchange import Exchange
    from steadfastapi.slo.budget import Budget

SERVER_ERROR = 500
BOOKED_EVERY = 5.0
"""Seconds between two bookings; the burn rate is by the minute."""

MAX_ROUTES = 2_000
"""Routes whose objectives are remembered; all of an application, as a rule."""

_Route = tuple[tuple["Budget", ...], tuple[tuple["Budget", float], ...]]


class RequestWatch:
    """Counts finished exchanges for the objectives that cover their route.

    Args:
        budgets: Of the objectives about requests.
    """

    def __init__(self, budgets: Sequence[Budget]) -> None:
        self._budgets = tuple(budgets)
        self._routes: dict[str | None, _Route] = {}
        self._due = 0.0

    def __call__(self, exchange: Exchange) -> None:
        """Count an exchange; health checks and scrapes do not count."""
        if exchange.quiet or exchange.kind != "http":
            return
        end = exchange.end or perf_counter()
        if end >= self._due:
            self._due = end + BOOKED_EVERY
            for budget in self._budgets:
                budget.take_over(end)
        available, timely = self._routes.get(exchange.route) or self._new(exchange)
        if (exchange.status or SERVER_ERROR) >= SERVER_ERROR:
            # No response in time either: that is what availability is for.
            for budget in available:
                budget.bad += 1
            return
        for budget in available:
            budget.good += 1
        if timely:
            seconds = end - exchange.start
            for budget, threshold in timely:
                if seconds <= threshold:
                    budget.good += 1
                else:
                    budget.bad += 1

    def _new(self, exchange: Exchange) -> _Route:
        """Find the objectives of a route that is met for the first time."""
        covering = [
            budget
            for budget in self._budgets
            if budget.objective.covers(exchange.route or UNMATCHED)
        ]
        found: _Route = (
            tuple(one for one in covering if one.objective.threshold is None),
            tuple(
                (one, one.objective.threshold)
                for one in covering
                if one.objective.threshold is not None
            ),
        )
        if len(self._routes) < MAX_ROUTES:
            self._routes[exchange.route] = found
        return found

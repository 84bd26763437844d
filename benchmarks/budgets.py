"""The budgets of the design, checked against what was measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.compositions import STEADFAST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.calls import Call
    from benchmarks.summary import PerProcess, PerRequest

ADDED_OF_USUAL = {1: 0.20, 200: 0.10}
"""Added time per request, as a share of the usual composition's, by routes."""
GROWTH = 15.0
"""µs from the smallest to the largest number of routes, beyond bare FastAPI."""
STARTUP_OF_USUAL = 0.6
MEMORY_MIB = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """One bound and how it was kept."""

    what: str
    measured: float
    bound: float
    unit: str

    @property
    def kept(self) -> bool:
        """Whether the measured value is within the bound."""
        return self.measured <= self.bound


def check(
    requests: Sequence[PerRequest],
    processes: Sequence[PerProcess],
    calls: Sequence[Call],
) -> list[Budget]:
    """Return every budget that can be judged from what was measured."""
    budgets = [
        Budget(
            what=f"db_retry, successful call of {call.what}",
            measured=call.share,
            bound=1.0,
            unit="× Tenacity",
        )
        for call in calls
    ]
    for row in requests:
        if row.composition != STEADFAST:
            continue
        bound = ADDED_OF_USUAL.get(row.routes)
        if bound is not None and row.of_usual is not None:
            budgets.append(
                Budget(
                    what=f"added time per request, {_routes(row.routes)}",
                    measured=row.of_usual,
                    bound=bound,
                    unit="× usual",
                )
            )
        if row.growth is not None:
            budgets.append(
                Budget(
                    what=f"growth up to {row.routes} routes, beyond bare",
                    measured=row.growth,
                    bound=GROWTH,
                    unit="µs",
                )
            )
    for process in processes:
        if process.composition != STEADFAST:
            continue
        if process.startup_of_usual is not None:
            budgets.append(
                Budget(
                    what="import and configure, beyond bare",
                    measured=process.startup_of_usual,
                    bound=STARTUP_OF_USUAL,
                    unit="× usual",
                )
            )
        budgets.append(
            Budget(
                what="resident memory, beyond bare",
                measured=process.rss_added_mib,
                bound=MEMORY_MIB,
                unit="MiB",
            )
        )
    return budgets


def _routes(number: int) -> str:
    return "1 route" if number == 1 else f"{number} routes"

"""The budgets of the design, checked against what was measured.

The usual composition has five tools, Sentry among them: steadfastapi with everything
on, Sentry too, is judged against all five. The same figures against the four without
Sentry are shown beside, and judge nothing. A bound that is exceeded fails the run; a
goal that is not reached is only named.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.compositions import STEADFAST

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.calls import Call
    from benchmarks.load import Throughput
    from benchmarks.summary import PerProcess, PerRequest

ADDED_OF_USUAL = {1: (0.20, 0.12), 200: (0.10, 0.07)}
"""Added time per request, as a share of the usual composition's, by routes: bound and
goal."""
GROWTH = 15.0
"""µs from the smallest to the largest number of routes, beyond bare FastAPI."""
STARTUP_OF_USUAL = 0.6
MEMORY_MIB = 20.0
RATE_OF_USUAL = 4.0
"""Requests per second of one worker, as a multiple of the usual composition's."""
RATE_OF_BARE = 0.5
"""The same as a share of bare FastAPI's; a goal."""

WITH = "× usual + Sentry"
WITHOUT = "× usual"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """One bound and how it was kept."""

    what: str
    measured: float
    bound: float | None
    """None where there is only a goal."""
    unit: str
    goal: float | None = None
    least: bool = False
    """Whether more is better."""
    judged: bool = True
    """False for a figure that is only shown beside one that is judged."""

    @property
    def kept(self) -> bool:
        """Whether the measured value is within the bound, if that is judged."""
        return not self.judged or self._within(self.bound)

    @property
    def reached(self) -> bool:
        """Whether the measured value reaches the goal, if that is judged."""
        return not self.judged or self._within(self.goal)

    def _within(self, limit: float | None) -> bool:
        if limit is None:
            return True
        return self.measured >= limit if self.least else self.measured <= limit


def check(
    requests: Sequence[PerRequest],
    processes: Sequence[PerProcess],
    calls: Sequence[Call],
    throughput: Sequence[Throughput],
) -> list[Budget]:
    """Return every budget that can be judged from what was measured."""
    return [
        *(one for row in requests for one in _request(row)),
        *(one for row in throughput for one in _rate(row)),
        *(one for row in processes for one in _process(row)),
        *(
            Budget(
                what=f"db_retry, successful call of {call.what}",
                measured=call.share,
                bound=1.0,
                unit="× Tenacity",
            )
            for call in calls
        ),
    ]


def _request(row: PerRequest) -> Iterator[Budget]:
    if row.composition != STEADFAST:
        return
    what = f"added time per request, {_routes(row.routes)}"
    bound, goal = ADDED_OF_USUAL.get(row.routes, (None, None))
    if bound is not None:
        # The bound is older than the fifth tool, and holds against four as well.
        shares = ((row.of_usual_sentry, WITH, goal), (row.of_usual, WITHOUT, None))
        for share, unit, aim in shares:
            if share is not None:
                yield Budget(
                    what=what, measured=share, bound=bound, goal=aim, unit=unit
                )
    if row.growth is not None:
        yield Budget(
            what=f"growth up to {row.routes} routes, beyond bare",
            measured=row.growth,
            bound=GROWTH,
            unit="µs",
        )


def _rate(row: Throughput) -> Iterator[Budget]:
    if row.composition != STEADFAST or row.workers != 1:
        return
    yield from _compared(
        "requests per second, 1 worker",
        (row.of_usual_sentry, row.of_usual),
        bound=RATE_OF_USUAL,
        least=True,
    )
    if row.of_bare is not None:
        yield Budget(
            what="requests per second, 1 worker",
            measured=row.of_bare,
            bound=None,
            goal=RATE_OF_BARE,
            unit="× bare",
            least=True,
        )


def _process(row: PerProcess) -> Iterator[Budget]:
    if row.composition != STEADFAST:
        return
    yield from _compared(
        "import and configure, beyond bare",
        (row.startup_of_usual_sentry, row.startup_of_usual),
        bound=STARTUP_OF_USUAL,
    )
    yield Budget(
        what="resident memory, beyond bare",
        measured=row.rss_added_mib,
        bound=MEMORY_MIB,
        unit="MiB",
    )


def _compared(
    what: str,
    shares: tuple[float | None, float | None],
    *,
    bound: float,
    least: bool = False,
) -> Iterator[Budget]:
    """Yield the one that is judged, against all five, and the one that is shown."""
    for share, unit in zip(shares, (WITH, WITHOUT), strict=True):
        if share is not None:
            yield Budget(
                what=what,
                measured=share,
                bound=bound,
                unit=unit,
                least=least,
                judged=unit == WITH,
            )


def _routes(number: int) -> str:
    return "1 route" if number == 1 else f"{number} routes"

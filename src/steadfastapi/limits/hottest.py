"""Which buckets are asked most, and what becomes of requests by route, for people.

Of this process, bounded, and read-only: nothing here decides anything.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steadfastapi._scrub import scrub_text
from steadfastapi.signals import OTHER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from steadfastapi.limits.demands import Demand, Verdict
    from steadfastapi.limits.marks import Priced

MAX_BUCKETS = 1_000
"""Buckets that are watched; when there are more, the half that is asked least goes."""
MAX_ROUTES = 1_000
RECENT = 600.0
"""Seconds after which a bucket that nobody asks is no news any more."""
_ADDRESS = b"a"


@dataclass(slots=True)
class HotBucket:
    """One client's share of one limit, as it stood when it was last asked."""

    route: str
    limit: str
    who: str
    """The address, or, where a limit counts by anything else, the start of its hash:
    it may be somebody's key."""
    amount: int
    left: int
    reset: float
    """Seconds until all of it is there again, from when it was asked."""
    asked: int
    denied: int
    at: float
    """Unix time when it was last asked."""


@dataclass(slots=True)
class RouteDecisions:
    """What became of the requests to one route since the start."""

    route: str
    allowed: int = 0
    denied: int = 0
    unavailable: int = 0
    """503: the shared storage failed, and the limit says `deny`."""


class Hottest:
    """Watches decisions.

    Args:
        clock: Unix time.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._buckets: dict[str, HotBucket] = {}
        self._routes: dict[str, RouteDecisions] = {}

    def note(
        self,
        route: str,
        asked: Sequence[tuple[Priced, Demand, bytes]],
        verdict: Verdict,
    ) -> None:
        """Remember a decision: one microsecond for each limit.

        Args:
            route: Template of the route.
            asked: Each limit, what was asked of it, and what it counts by.
            verdict: What became of it.
        """
        counts = self._route(route)
        if verdict.unavailable:
            counts.unavailable += 1
        elif verdict.granted:
            counts.allowed += 1
        else:
            counts.denied += 1
        if len(verdict.standings) != len(asked):
            return
        now = self._clock()
        for (limit, demand, key), standing in zip(
            asked, verdict.standings, strict=True
        ):
            hot = self._buckets.get(demand.bucket)
            if hot is None:
                hot = self._added(route, limit.text, demand, key)
            hot.asked += 1
            hot.left = standing.remaining
            hot.reset = standing.reset
            hot.at = now
            if standing.wait > 0:
                hot.denied += 1

    def buckets(self, most: int) -> list[HotBucket]:
        """Return the buckets of the last ten minutes, most refused and used first."""
        since = self._clock() - RECENT
        recent = [hot for hot in self._buckets.values() if hot.at >= since]
        recent.sort(key=lambda hot: (-hot.denied, hot.left / hot.amount, -hot.asked))
        return recent[:most]

    def routes(self) -> list[RouteDecisions]:
        """Return the limited routes, those that refuse most first."""
        return sorted(
            self._routes.values(),
            key=lambda one: (-one.denied - one.unavailable, -one.allowed, one.route),
        )

    def _route(self, route: str) -> RouteDecisions:
        known = self._routes.get(route)
        if known is None:
            if len(self._routes) >= MAX_ROUTES:
                route = OTHER
            known = self._routes.setdefault(route, RouteDecisions(route))
        return known

    def _added(self, route: str, limit: str, demand: Demand, key: bytes) -> HotBucket:
        if len(self._buckets) >= MAX_BUCKETS:
            ranked = sorted(self._buckets.items(), key=lambda item: -item[1].asked)
            self._buckets = dict(ranked[: MAX_BUCKETS // 2])
        hot = HotBucket(
            route=route,
            limit=limit,
            who=_shown(key, demand.bucket),
            amount=demand.amount,
            left=demand.amount,
            reset=0.0,
            asked=0,
            denied=0,
            at=0.0,
        )
        self._buckets[demand.bucket] = hot
        return hot


def _shown(key: bytes, bucket: str) -> str:
    if key.startswith(_ADDRESS):
        return scrub_text(key[1:65].decode("utf-8", "replace")) or "unknown"
    return f"key {bucket[:8]}"

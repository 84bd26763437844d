"""Requests, errors and latency of each of the last 60 minutes, of this worker."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate
from time import perf_counter, time

MINUTES = 60
MINUTE = 60.0
_FIRST = 0.0005
_RATIO = 1.3
BOUNDS = tuple(_FIRST * _RATIO**power for power in range(46))
"""Upper bounds of latencies in seconds, 0.5 ms to 67 s; each 30 % above the one before,
so that a percentile that is interpolated between two is good enough to look at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Minute:
    """What happened in one minute."""

    at: float
    """Unix time of its start."""
    requests: int = 0
    server_errors: int = 0
    client_errors: int = 0
    p50: float | None = None
    """Seconds; None where nothing was served."""
    p95: float | None = None
    p99: float | None = None


class Counted:
    """Counters of one minute; those of a minute that has begun are still rising."""

    __slots__ = ("buckets", "client_errors", "number", "server_errors")

    def __init__(self, number: int) -> None:
        self.number = number
        """Minutes since the Unix epoch."""
        self.buckets = [0] * (len(BOUNDS) + 1)
        self.server_errors = 0
        self.client_errors = 0


class Minutes:
    """Counts by the minute, in constant memory.

    Whoever counts asks `current` for the counters, if `ends_at` has not come yet.
    """

    def __init__(self) -> None:
        self._kept: list[Counted] = []
        self.current = Counted(0)
        self.ends_at = 0.0
        """When the current minute ends, by `perf_counter`."""
        self.roll(perf_counter())

    def roll(self, now: float) -> None:
        """Begin the minute in which `now` is, by `perf_counter`."""
        wall = time() + (now - perf_counter())
        number = int(wall // MINUTE)
        self.ends_at = now + MINUTE - wall % MINUTE
        if number == self.current.number and self._kept:
            return
        self.current = Counted(number)
        self._kept = [*self._kept[-MINUTES + 1 :], self.current]

    def last(self) -> list[Minute]:
        """Return the last 60 minutes, this one last, empty ones included."""
        now = int(time() // MINUTE)
        known = {one.number: one for one in self._kept}
        numbers = range(now - MINUTES + 1, now + 1)
        return [_minute(number, known.get(number)) for number in numbers]

    def whole_hour(self) -> Minute:
        """Return all of them as one."""
        oldest = int(time() // MINUTE) - MINUTES + 1
        total = Counted(oldest)
        for one in self._kept:
            if one.number >= oldest:
                pairs = zip(total.buckets, one.buckets, strict=True)
                total.buckets = [mine + more for mine, more in pairs]
                total.server_errors += one.server_errors
                total.client_errors += one.client_errors
        return _minute(oldest, total)


def percentile(buckets: list[int], share: float) -> float | None:
    """Return seconds that `share` of the requests did not exceed, interpolated."""
    total = sum(buckets)
    if not total:
        return None
    wanted = share * total
    sums = list(accumulate(buckets))
    place = min(bisect_left(sums, wanted), len(buckets) - 1)
    upper = BOUNDS[min(place, len(BOUNDS) - 1)]
    lower = BOUNDS[place - 1] if 0 < place < len(BOUNDS) else 0.0
    if place >= len(BOUNDS):
        return upper  # all that is known: at least this
    inside = wanted - (sums[place - 1] if place else 0)
    return lower + (upper - lower) * min(1.0, inside / buckets[place])


def _minute(number: int, counted: Counted | None) -> Minute:
    at = number * MINUTE
    if counted is None:
        return Minute(at=at)
    return Minute(
        at=at,
        requests=sum(counted.buckets),
        server_errors=counted.server_errors,
        client_errors=counted.client_errors,
        p50=percentile(counted.buckets, 0.5),
        p95=percentile(counted.buckets, 0.95),
        p99=percentile(counted.buckets, 0.99),
    )

"""Moving windows in the memory of this process."""

from __future__ import annotations

import threading
import time
import weakref
from array import array
from bisect import bisect_right
from collections import OrderedDict
from contextlib import contextmanager
from typing import TYPE_CHECKING

from steadfastapi.limits.demands import Demand, Standing, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

MAX_KEYS = 100_000
"""Buckets that are kept: about 30 MB while each holds a few entries."""
MAX_ENTRIES = 2_000_000
"""Times that are kept in all buckets together, 8 bytes each."""


_all: weakref.WeakSet[MemoryStorage] = weakref.WeakSet()


MICRO = 1_000_000


class _Frozen:
    """The time while a test lets it stand."""

    at: int | None = None


def microseconds() -> int:
    """Return a clock that never jumps. Whole numbers: a wait is exact then."""
    return time.monotonic_ns() // 1_000 if _Frozen.at is None else _Frozen.at


@contextmanager
def frozen() -> Iterator[Callable[[float], None]]:
    """Let the clock of every storage stand; see `testing.frozen_limits`."""
    before = _Frozen.at

    def advance(seconds: float) -> None:
        _Frozen.at = microseconds() + round(seconds * MICRO)

    advance(0)
    try:
        yield advance
    finally:
        _Frozen.at = before


class MemoryStorage:
    """Exact moving windows; the buckets used longest ago go when there are too many.

    A bucket that goes is forgotten, so its client begins anew: memory is bounded, and
    what is lost is lost to those who did not come back.

    Args:
        max_keys: How many buckets are kept.
        clock: Microseconds; monotonic, since a window must not jump with the wall
            clock.
    """

    def __init__(
        self, max_keys: int = MAX_KEYS, clock: Callable[[], int] = microseconds
    ) -> None:
        self.clock = clock
        self._max_keys = max_keys
        self._buckets: OrderedDict[str, array[int]] = OrderedDict()
        self._entries = 0
        self._lock = threading.Lock()
        _all.add(self)

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, demands: Sequence[Demand]) -> Verdict:
        """Grant all demands or none, and say how the buckets stand."""
        with self._lock:
            now = self.clock()
            windows = [self._window(demand, now) for demand in demands]
            granted = all(
                len(times) + demand.cost <= demand.amount
                for demand, times in zip(demands, windows, strict=True)
            )
            standings = []
            for demand, times in zip(demands, windows, strict=True):
                if granted:
                    self._add(demand, times, now)
                standings.append(_standing(demand, times, now, granted=granted))
            self._shrink()
        return Verdict(granted, standings)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._buckets.clear()
            self._entries = 0

    def _window(self, demand: Demand, now: int) -> array[int]:
        """Return the times that are still in the window, oldest first."""
        times = self._buckets.get(demand.bucket)
        if times is None:
            return array("q")
        self._buckets.move_to_end(demand.bucket)
        edge = now - demand.window * MICRO
        if times and times[0] <= edge:
            gone = bisect_right(times, edge)
            del times[:gone]
            self._entries -= gone
        return times

    def _add(self, demand: Demand, times: array[int], now: int) -> None:
        self._buckets[demand.bucket] = times
        if demand.cost == 1:
            times.append(now)
        else:
            times.extend([now] * demand.cost)
        self._entries += demand.cost

    def _shrink(self) -> None:
        while len(self._buckets) > self._max_keys or (
            self._entries > MAX_ENTRIES and len(self._buckets) > 1
        ):
            _, times = self._buckets.popitem(last=False)
            self._entries -= len(times)


def clear_all() -> None:
    """Forget what every storage of this process has counted."""
    for storage in tuple(_all):
        storage.clear()


def _standing(
    demand: Demand, times: array[int], now: int, *, granted: bool
) -> Standing:
    window = demand.window * MICRO
    reset = (times[0] + window - now if times else window) / MICRO
    remaining = max(0, demand.amount - len(times))
    over = 0 if granted else len(times) + demand.cost - demand.amount
    if over <= 0:
        return Standing(remaining, reset, 0.0)
    if over > len(times):  # the cost is more than the limit: never
        return Standing(remaining, reset, float(demand.window))
    return Standing(remaining, reset, (times[over - 1] + window - now) / MICRO)

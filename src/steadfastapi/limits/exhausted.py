"""What a shared storage has last said, for the moments when it says nothing."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING

from steadfastapi.limits.demands import Demand, Standing, Verdict
from steadfastapi.limits.memory import MAX_KEYS

if TYPE_CHECKING:
    from collections.abc import Sequence


class Exhausted:
    """Remembers which buckets the shared storage has last said to be empty.

    One answer that comes too late must not grant what the storage just refused, nor
    must the first minute of an outage.
    """

    def __init__(self) -> None:
        self._until: OrderedDict[str, float] = OrderedDict()

    def remember(self, demands: Sequence[Demand], verdict: Verdict) -> None:
        """Note how the buckets stand."""
        for demand, standing in zip(demands, verdict.standings, strict=False):
            self._until.pop(demand.bucket, None)
            if standing.remaining < 1:
                seconds = standing.wait or standing.reset
                self._until[demand.bucket] = time.monotonic() + seconds
        while len(self._until) > MAX_KEYS:
            self._until.popitem(last=False)

    def refuses(self, demands: Sequence[Demand]) -> Verdict | None:
        """Return the refusal if a bucket cannot have anything yet."""
        now = time.monotonic()
        waits = [self._until.get(demand.bucket, now) - now for demand in demands]
        if max(waits) <= 0:
            return None
        return Verdict(
            granted=False,
            standings=[Standing(0, max(wait, 0.0), max(wait, 0.0)) for wait in waits],
        )

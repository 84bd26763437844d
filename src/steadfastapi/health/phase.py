"""What stands above the probes: starting, draining, maintenance."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from steadfastapi._drain import Drain, drain

if TYPE_CHECKING:
    from collections.abc import Callable

Phase = Literal["draining", "starting", "maintenance"]


class Phases:
    """Knows what the application is about, whatever its probes say.

    Draining comes first: traffic has to go elsewhere, maintenance or not.

    Args:
        gated: Whether it is starting until `started` is set.
        clock: Unix time.
        process: Whether the whole process is on its way out.
    """

    def __init__(
        self,
        *,
        gated: bool = False,
        clock: Callable[[], float] = time.time,
        process: Drain = drain,
    ) -> None:
        self.started = not gated
        self._draining = False
        self._process = process
        self._until: float | None = None
        self._clock = clock

    @property
    def current(self) -> Phase | None:
        """What holds now; None while the probes decide."""
        if self.draining:
            return "draining"
        if not self.started:
            return "starting"
        return "maintenance" if self.in_maintenance else None

    @property
    def draining(self) -> bool:
        """Whether no new traffic should come: asked for, or announced by SIGTERM."""
        return self._draining or self._process.begun

    def drain(self) -> None:
        """Begin to drain, in all workers of `steadfastapi run`; no way back."""
        self._draining = True
        self._process.begin_elsewhere()

    @property
    def in_maintenance(self) -> bool:
        """Whether maintenance has begun and not ended."""
        return self._until is not None and self._clock() < self._until

    @property
    def until(self) -> float | None:
        """Unix time of the end of maintenance, infinity for none; None outside."""
        return self._until if self.in_maintenance else None

    @property
    def ends(self) -> datetime | None:
        """The end of maintenance, where it has one."""
        until = self.until
        if until is None or math.isinf(until):
            return None
        return datetime.fromtimestamp(until, UTC)

    @property
    def retry_after(self) -> int:
        """Seconds until the end of maintenance, 1 to 3600; a minute where unknown."""
        until = self.until
        if until is None or math.isinf(until):
            return 60
        return max(1, min(3600, math.ceil(until - self._clock())))

    def maintain(self, until: float | None) -> None:
        """Begin maintenance until a Unix time, or end it with None."""
        self._until = until

"""Maintenance, and how the other workers hear of it."""

from __future__ import annotations

import logging
import math
from datetime import UTC
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from steadfastapi.health.phase import Phases
    from steadfastapi.health.recorder import Recorder

_logger = logging.getLogger("steadfastapi.health")


class Maintenance:
    """Begins and ends maintenance, here and where the same storage is used.

    Args:
        phases: Know of it in this process.
        recorder: Knows the storage.
    """

    def __init__(self, phases: Phases, recorder: Recorder) -> None:
        self._phases = phases
        self._recorder = recorder
        self._to_share: list[float | None] = []
        self._changes = 0
        """How often it was begun or ended here."""

    def begin(self, until: datetime | None) -> None:
        """Begin, until a time with a zone or in UTC; None for no end."""
        if until is None:
            self._set(math.inf)
            return
        aware = until if until.tzinfo is not None else until.replace(tzinfo=UTC)
        self._set(aware.timestamp())

    def end(self) -> None:
        """End it."""
        self._set(None)

    async def share(self) -> None:
        """Tell a shared storage of our maintenance, or ask it for that of others."""
        if self._to_share:
            (until,) = self._to_share
            shared, _ = await self._recorder.optional("set_maintenance", until)
            if shared and self._to_share == [until]:
                self._to_share = []
            return
        changes = self._changes
        known, until = await self._recorder.optional("get_maintenance")
        # An answer that was on its way while it changed here is an old one.
        if known and changes == self._changes:
            self._phases.maintain(until)

    def _set(self, until: float | None) -> None:
        self._phases.maintain(until)
        self._changes += 1
        self._to_share = [until]
        said = "maintenance has ended" if until is None else "maintenance has begun"
        ends = self._phases.ends
        _logger.warning(said, extra={} if ends is None else {"until": ends.isoformat()})

"""What becomes of a result: it is kept, counted, and told where it is news."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from steadfastapi.health.model import AlertRecord, ProbeStatus
from steadfastapi.health.standing import is_worth_telling
from steadfastapi.signals import (
    HEALTH_CHECK_DURATION,
    HEALTH_CHECK_LAST_SUCCESS,
    HEALTH_CHECK_UP,
)

if TYPE_CHECKING:
    from steadfastapi._meter import Meter
    from steadfastapi.health.changes import Changes
    from steadfastapi.health.check import Check
    from steadfastapi.health.model import ProbeResult
    from steadfastapi.health.recorder import Recorder

_logger = logging.getLogger("steadfastapi.health")


class Landing:
    """Takes the results of all checks of an application.

    Args:
        recorder: Keeps them.
        meter: Counts them.
        changes: Tells of state changes.
    """

    def __init__(self, recorder: Recorder, meter: Meter, changes: Changes) -> None:
        self._recorder = recorder
        self._meter = meter
        self._changes = changes

    def __call__(
        self, check: Check, result: ProbeResult, before: ProbeStatus | None
    ) -> None:
        """Keep a result, and tell what it changed."""
        self._recorder.result(result)
        after = check.standing.status
        name, hard = check.name, "true" if check.critical else "false"
        up = float(after is not ProbeStatus.UNHEALTHY)
        self._meter.set(HEALTH_CHECK_UP, up, name, hard)
        if check.last_success is not None and result.is_passing:
            self._meter.set(HEALTH_CHECK_LAST_SUCCESS, check.last_success, name)
        if not check.probe.passive:
            seconds = result.latency_ms / 1000
            self._meter.observe(HEALTH_CHECK_DURATION, seconds, name)
        if before is not None and is_worth_telling(before, after):
            self._changed(check, result, before)

    def _changed(self, check: Check, result: ProbeResult, before: ProbeStatus) -> None:
        after = check.standing.status
        change = AlertRecord(
            probe=check.name,
            old_status=before,
            new_status=after,
            timestamp=result.checked_at or datetime.now(UTC),
        )
        self._recorder.alert(change)
        log = _logger.info if after is ProbeStatus.HEALTHY else _logger.warning
        log(
            "probe state changed",
            extra={
                "probe": check.name,
                "old_status": before.value,
                "new_status": after.value,
                "critical": check.critical,
                "error": result.error,
            },
        )
        self._changes.tell(change)

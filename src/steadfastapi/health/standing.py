"""When a state changes: hysteresis and the counters of the circuit. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from steadfastapi.health.model import ProbeStatus

_SEVERITY = {
    ProbeStatus.NO_DATA: 0,
    ProbeStatus.HEALTHY: 0,
    ProbeStatus.DEGRADED: 1,
    ProbeStatus.UNHEALTHY: 2,
}


@dataclass(slots=True, kw_only=True)
class Standing:
    """The state of one probe, slower to change than its results.

    The first result decides at once: there is nothing to weigh it against.

    Args:
        fail_after: Results in a row that must be worse before the state is.
        recover_after: Results in a row that must be better before the state is.
    """

    fail_after: int
    recover_after: int
    status: ProbeStatus = ProbeStatus.NO_DATA
    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When the state began."""
    consecutive_failures: int = 0
    trips: int = 0
    """How often it became unhealthy."""
    _worse: int = 0
    _better: int = 0
    _known: bool = False

    @property
    def is_open(self) -> bool:
        """Whether the circuit counts as open; it never stops a check."""
        return self.status is ProbeStatus.UNHEALTHY

    def take(self, status: ProbeStatus, at: datetime) -> ProbeStatus | None:
        """Weigh a result.

        Args:
            status: What the check said.
            at: When.

        Returns:
            The state before, where this result changed it; else None.
        """
        failed = status is ProbeStatus.UNHEALTHY
        self.consecutive_failures = self.consecutive_failures + 1 if failed else 0
        difference = _SEVERITY[status] - _SEVERITY[self.status]
        self._worse = self._worse + 1 if difference > 0 else 0
        self._better = self._better + 1 if difference < 0 else 0
        decided = (
            not self._known
            or ProbeStatus.NO_DATA in (status, self.status)
            or self._worse >= self.fail_after
            or self._better >= self.recover_after
        )
        self._known = True
        if not decided or status is self.status:
            return None
        before, self.status, self.since = self.status, status, at
        self._worse = self._better = 0
        if failed:
            self.trips += 1
        return before


def is_worth_telling(before: ProbeStatus, after: ProbeStatus) -> bool:
    """Return whether a change is news: not the first sign of life of what is well."""
    return _SEVERITY[before] != _SEVERITY[after]

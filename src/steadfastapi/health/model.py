"""What a check says, and what is kept of it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

_LATER = ConfigDict(defer_build=True)
"""Their schemas are built when they are first used, not while the server starts."""


class ProbeStatus(StrEnum):
    """How a dependency is."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    """It answers, and not as it should."""
    UNHEALTHY = "unhealthy"
    NO_DATA = "no_data"
    """Nothing to judge by, such as no call in a passive probe's window: never counts
    as a failure."""


class ProbeResult(BaseModel):
    """Outcome of one check.

    A `check()` fills in what it knows; name, criticality, latency and time are
    completed by whoever ran it.
    """

    model_config = _LATER

    name: str
    status: ProbeStatus
    critical: bool = True
    latency_ms: float = 0.0
    """Milliseconds that the check took."""
    error: str | None = None
    """Class and text of what went wrong, secrets masked."""
    description: str | None = None
    tags: list[str] = Field(default_factory=list)
    details: dict[str, Any] | None = None
    checked_at: datetime | None = None

    @property
    def is_healthy(self) -> bool:
        """Whether everything is as it should be."""
        return self.status is ProbeStatus.HEALTHY

    @property
    def is_degraded(self) -> bool:
        """Whether it answers, and not as it should."""
        return self.status is ProbeStatus.DEGRADED

    @property
    def has_data(self) -> bool:
        """Whether there is anything to judge by."""
        return self.status is not ProbeStatus.NO_DATA

    @property
    def is_passing(self) -> bool:
        """Whether it has not failed."""
        return self.status is not ProbeStatus.UNHEALTHY


class AlertRecord(BaseModel):
    """A probe went from one state to another."""

    model_config = _LATER

    probe: str
    old_status: ProbeStatus
    new_status: ProbeStatus
    timestamp: datetime


class HealthReport(BaseModel):
    """All probes together, for callers who may see them."""

    model_config = _LATER

    status: str
    """`healthy`, `degraded`, `unhealthy`, or what stands above the probes:
    `maintenance`, `draining`, `starting`."""
    checked_at: datetime | None = None
    timezone: str = "UTC"
    probes: list[ProbeResult] = Field(default_factory=list)
    failing: list[str] = Field(default_factory=list)
    """Names of the critical probes that are unhealthy."""


class HealthSummary(BaseModel):
    """What `GET /health` says to callers who may see it; others get the status."""

    model_config = _LATER

    status: str
    timestamp: datetime
    version: str

"""What became of alerts: every one that was accepted has one end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from steadfastapi._counts import counts
from steadfastapi.signals import ALERT_DELIVERIES, ALERTS_DROPPED, TELEMETRY_DROPPED

Reason = Literal[
    "claimed",
    "duplicate",
    "expired",
    "full",
    "rejected",
    "shutdown",
    "superseded",
]
"""Why an alert was not told: another process did; nothing new in it; in vain for too
long; no room; the system refused it for good; the process ended; a newer state took
its place."""

LOST: tuple[Reason, ...] = ("expired", "full", "rejected", "shutdown")
"""Reasons that somebody should look at; the others are as it should be."""

_TELEMETRY_REASONS = {"full": "queue_full", "shutdown": "shutdown"}
"""What `TELEMETRY_DROPPED` calls these; the other losses are errors."""


@dataclass(slots=True)
class Tally:
    """Counts of one alerter: `accepted == delivered + dropped + waiting`.

    Args:
        name: Of the alerter.
    """

    name: str
    accepted: int = 0
    delivered: int = 0
    failed: int = 0
    """Attempts; one alert may need several."""
    waiting: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    """By `Reason`."""

    def declare(self) -> None:
        """Let the series start at 0."""
        for outcome in ("ok", "retry", "fail"):
            counts.declare(ALERT_DELIVERIES, self.name, outcome)
        for reason in LOST:
            counts.declare(ALERTS_DROPPED, self.name, reason)

    def tried(self, outcome: Literal["ok", "retry", "fail"]) -> None:
        """Count an attempt."""
        if outcome == "ok":
            self.delivered += 1
        else:
            self.failed += 1
        counts.add(ALERT_DELIVERIES, self.name, outcome)

    def drop(self, reason: Reason) -> None:
        """Count an alert that is not told."""
        self.dropped[reason] += 1
        counts.add(ALERTS_DROPPED, self.name, reason)
        if reason in LOST:
            counts.add(
                TELEMETRY_DROPPED, "webhook", _TELEMETRY_REASONS.get(reason, "error")
            )

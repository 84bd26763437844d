"""Alerts about health probes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steadfastapi.alerts.alert import Alert

if TYPE_CHECKING:
    from datetime import datetime

    from steadfastapi.alerts.alert import Severity

OVER = ("healthy", "no_data")
"""Statuses that nobody need know about; of a passive probe, no call is no trouble."""
DEGRADED = "degraded"


def of_probe(  # noqa: PLR0913 - what a state change is made of
    name: str,
    old_status: str,
    new_status: str,
    at: datetime,
    *,
    critical: bool = True,
    error: str | None = None,
    link: str = "",
) -> Alert:
    """Return the alert about a probe that changed.

    Args:
        name: Of the probe.
        old_status: Before.
        new_status: Now: one of `OVER`, or else it is open.
        at: When.
        critical: Whether readiness depends on it: `critical` then when it is
            unhealthy, else `error`. Degraded is a `warning`.
        error: What the check said.
        link: Page of the probe.
    """
    severity: Severity = "critical" if critical else "error"
    is_over = new_status in OVER
    if (old_status if is_over else new_status) == DEGRADED:
        severity = "warning"
    return Alert(
        key=f"probe:{name}",
        state="resolved" if is_over else "open",
        title=f"{name}: {old_status!s} → {new_status!s}",
        text=error or "",
        severity=severity,
        at=at,
        labels={"probe": name, "old_status": old_status, "new_status": new_status},
        link=link,
    )

"""State changes of probes as alerts for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steadfastapi._lifespan import LifespanPart
from steadfastapi.alerts import Alert, Notifier, RedisClaims
from steadfastapi.health.model import AlertRecord, ProbeStatus
from steadfastapi.health.redis import RedisStorage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steadfastapi._plan import Plan
    from steadfastapi.alerts.alert import Severity
    from steadfastapi.health.check import Check
    from steadfastapi.health.handle import HealthHandle


def add_alerters(plan: Plan, handle: HealthHandle, alerters: Iterable[Any]) -> Notifier:
    """Tell alerters of state changes, except in maintenance.

    Of several workers that share a `RedisStorage(url=…)` one tells.

    Args:
        plan: Starts and stops the notifier.
        handle: Tells of the changes.
        alerters: Alerters, or functions that take an alert.

    Raises:
        ConfigurationError: Something given is no alerter.
    """
    storage, namespace = handle.recorder.storage, plan.service.name
    claims = None
    if isinstance(storage, RedisStorage) and storage.url is not None:
        claims = RedisClaims(storage.url, namespace=namespace)
    notifier = Notifier(
        alerters,
        source=namespace,
        is_quiet=lambda: handle.phases.in_maintenance,
        claims=claims,
    )

    def tell(change: AlertRecord) -> None:
        check = handle.checks.named(change.probe)
        if check is not None:
            notifier.notify(alert_of(change, check))

    handle.on_state_change(tell)
    plan.lifespan(
        LifespanPart(name="alerters", start=notifier.start, stop=notifier.stop)
    )
    return notifier


def alert_of(change: AlertRecord, check: Check) -> Alert:
    """Return a state change as an alert; one of a probe is open at a time.

    Args:
        change: What changed.
        check: The check of that probe.
    """
    before, after = change.old_status, change.new_status
    bad = after in (ProbeStatus.UNHEALTHY, ProbeStatus.DEGRADED)
    error = check.latest.error if check.latest is not None and bad else None
    parts = (error, check.probe.description)
    return Alert(
        key=f"probe:{check.name}",
        state="open" if bad else "resolved",
        title=f"{check.name} is {after.value.replace('_', ' ')}",
        text="\n".join(part for part in parts if part),
        severity=_severity(after if bad else before, critical=check.critical),
        at=change.timestamp,
        labels={
            "probe": check.name,
            "old_status": before.value,
            "new_status": after.value,
            "critical": "true" if check.critical else "false",
        },
    )


def _severity(status: ProbeStatus, *, critical: bool) -> Severity:
    if status is not ProbeStatus.UNHEALTHY:
        return "warning"
    return "critical" if critical else "error"

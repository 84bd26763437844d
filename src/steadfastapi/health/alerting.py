"""State changes of probes as alerts for people."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from steadfastapi._lifespan import LifespanPart
from steadfastapi.alerts import Alert, Notifier, RedisClaims
from steadfastapi.health.model import AlertRecord, ProbeStatus
from steadfastapi.health.redis import RedisStorage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steadfastapi._plan import Plan
    from steadfastapi.alerts import Claims
    from steadfastapi.alerts.alert import Severity
    from steadfastapi.health.check import Check
    from steadfastapi.health.handle import HealthHandle

CLAIM_SECONDS = 1.0
"""For an answer of the storage: then the alert is told anyway."""


def add_alerters(plan: Plan, handle: HealthHandle, alerters: Iterable[Any]) -> Notifier:
    """Tell alerters of state changes, except in maintenance.

    Of several workers that share a storage one tells: a `RedisStorage`, or another one
    that has `claim_alert`.

    Args:
        plan: Starts and stops the notifier.
        handle: Tells of the changes.
        alerters: Alerters, or functions that take an alert.

    Raises:
        ConfigurationError: Something given is no alerter.
    """
    namespace = plan.service.name
    claims = _claims(handle.recorder.storage, namespace)
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

    def start() -> None:
        if isinstance(claims, StorageClaims):
            claims.bind()
        notifier.start()

    handle.on_state_change(tell)
    plan.lifespan(LifespanPart(name="alerters", start=start, stop=notifier.stop))
    return notifier


def _claims(storage: Any, namespace: str) -> Claims | None:
    if isinstance(storage, RedisStorage) and storage.url is not None:
        # On a connection of their own: they are asked while the event loop is busy.
        return RedisClaims(storage.url, namespace=namespace)
    if hasattr(storage, "claim_alert"):
        return StorageClaims(storage)
    return None


class StorageClaims:
    """Claims through `claim_alert` of a storage, in the application's event loop.

    Args:
        storage: Has `async claim_alert(key, value, ttl_seconds) -> bool`.
    """

    def __init__(self, storage: Any) -> None:
        self._storage = storage
        self._loop: asyncio.AbstractEventLoop | None = None

    def bind(self) -> None:
        """Use the event loop that runs."""
        with contextlib.suppress(RuntimeError):  # under trio each tells for itself
            self._loop = asyncio.get_running_loop()

    def claim(self, key: str, state: str, ttl: float) -> bool:
        """Take on a state; False if it is the key's last one already.

        Raises:
            Exception: What the storage raises, or that it does not answer in time.
        """
        if self._loop is None or not self._loop.is_running():
            raise RuntimeError("the event loop does not run")
        claiming = asyncio.run_coroutine_threadsafe(
            self._storage.claim_alert(key, state, ttl), self._loop
        )
        try:
            return bool(claiming.result(CLAIM_SECONDS))
        except TimeoutError:
            claiming.cancel()
            raise

    def keep(self, key: str, state: str, ttl: float) -> None:
        """Make a state the key's last one."""
        self.claim(key, state, ttl)


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

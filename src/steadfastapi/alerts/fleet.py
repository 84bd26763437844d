"""Which replica tells an alert: one claims it, and the others look again later."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steadfastapi.alerts.alert import Alert
    from steadfastapi.alerts.case import Case
    from steadfastapi.alerts.claims import Claims

LEASE = 30.0
"""Seconds that one process has for telling what it claimed; then others try."""
KEEP = 24 * 3600.0
"""Seconds for which a state that was told stays claimed."""
REST = 10.0
"""Seconds for which claims that failed are not asked: they may take 2 s to fail."""

_logger = logging.getLogger("steadfastapi.alerts")


class Fleet:
    """The replicas of an application, as one alerter of one of them sees them.

    Args:
        name: Of the alerter.
        claims: Who tells; None without other replicas.
    """

    def __init__(self, name: str, claims: Claims | None) -> None:
        self._name = name
        self._claims = claims
        self._ask_after = 0.0
        self.lease = LEASE
        """Seconds after which to look again at what another process claimed."""

    def lets_us(self, case: Case, alert: Alert, *, escalates: bool) -> bool:
        """Return whether this process tells it; what cannot be found out, it does."""
        now = time.monotonic()
        if self._claims is None or now < self._ask_after:
            return True
        key = self._key(alert, escalates=escalates)
        try:
            if now < case.lease_until:
                self._claims.keep(key, alert.state, self.lease)
            elif not self._claims.claim(key, alert.state, self.lease):
                return False
        except Exception as error:
            self._rest(error)
        else:
            case.lease_until = now + self.lease - 1.0
        return True

    def told(self, alert: Alert, *, escalates: bool) -> None:
        """Let everyone know that it has been told."""
        if self._claims is None or time.monotonic() < self._ask_after:
            return
        try:
            key = self._key(alert, escalates=escalates)
            self._claims.keep(key, alert.state, KEEP)
            if not alert.is_open:
                worse = self._key(alert, escalates=True)
                self._claims.keep(worse, alert.state, KEEP)
        except Exception as error:
            # The lease ends by itself; then another process may tell it again.
            self._rest(error)

    def _key(self, alert: Alert, *, escalates: bool) -> str:
        # That it is open, everybody knows when it becomes worse.
        return f"{self._name} {alert.key}{' worse' if escalates else ''}"

    def _rest(self, error: Exception) -> None:
        self._ask_after = time.monotonic() + REST
        _logger.warning(
            "claims do not answer, %s tells for itself: %s",
            self._name,
            type(error).__name__,
            extra={"alerter": self._name},
        )

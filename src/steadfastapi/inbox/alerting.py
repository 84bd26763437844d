"""New and reopened issues and storms, as alerts for people."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from steadfastapi.alerts import Alert, Notifier
from steadfastapi.exceptions import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steadfastapi.inbox.store import Change, Store

_WORDS = {"new": "New", "reopened": "Again", "storm": "Storm"}


class IssueAlerts:
    """Tells alerters of changes; errors only, not warnings.

    The store decides who tells: of all workers the one that saw the change, and for
    `cooldown` seconds nobody tells the same of that issue again.

    Args:
        store: Shared by the workers.
        alerters: Alerters, or functions that take an alert.
        cooldown: Seconds.
        source: Who tells.

    Raises:
        ConfigurationError: Something given is no alerter.
    """

    def __init__(
        self, store: Store, alerters: Iterable[Any], cooldown: float, *, source: str
    ) -> None:
        self._store = store
        self._cooldown = cooldown
        self._notifier = Notifier(alerters, source=source)
        self.start = self._notifier.start
        self.stop = self._notifier.stop

    def __call__(self, change: Change) -> None:
        """Tell of a change, if it is an error and nobody has."""
        if change.entry.level != "error":
            return
        key = f"alert:{change.what}:{change.issue}"
        try:
            mine = self._store.claim(key, self._cooldown)
        except StoreError:
            mine = True  # perhaps twice, rather than never
        if mine:
            self._notifier.notify(alert_of(change))


def alert_of(change: Change) -> Alert:
    """Return a change as an alert; each is told by itself, and none is ever over."""
    entry = change.entry
    labels = {
        "issue": change.issue,
        "event": entry.event,
        "route": entry.route or "",
        "where": entry.culprit,
        "release": entry.release,
        "request_id": str(entry.request.get("id") or ""),
    }
    return Alert(
        key=f"issue:{change.issue}:{change.what}:{entry.id}",
        state="open",
        title=f"{_WORDS[change.what]}: {entry.title}",
        text=entry.message[:1_000],
        severity="error",
        at=datetime.fromtimestamp(entry.at, UTC),
        labels={name: value for name, value in labels.items() if value},
    )

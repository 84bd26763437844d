"""New and reopened issues and storms, as alerts for people."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from steadfastapi._lifespan import LifespanPart
from steadfastapi.alerts import Alert, Notifier
from steadfastapi.exceptions import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from steadfastapi._plan import Plan
    from steadfastapi.inbox.store import Change, Store

_WORDS = {"new": "New", "reopened": "Again", "storm": "Storm"}


def issue_alerts(
    plan: Plan, store: Store, alerters: Iterable[Any], cooldown: float
) -> Callable[[Change], None]:
    """Return what tells alerters of changes; errors only, not warnings.

    The store decides who tells: of all workers the one that saw the change, and for
    `cooldown` seconds nobody tells the same of that issue again.

    Args:
        plan: Starts and stops the notifier.
        store: Shared by the workers.
        alerters: Alerters, or functions that take an alert.
        cooldown: Seconds.

    Raises:
        ConfigurationError: Something given is no alerter.
    """
    notifier = Notifier(alerters, source=plan.service.name)
    plan.lifespan(
        LifespanPart(name="inbox alerters", start=notifier.start, stop=notifier.stop)
    )

    def tell(change: Change) -> None:
        if change.entry.level != "error":
            return
        try:
            mine = store.claim(f"alert:{change.what}:{change.issue}", cooldown)
        except StoreError:
            mine = True  # perhaps twice, rather than never
        if mine:
            notifier.notify(alert_of(change))

    return tell


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

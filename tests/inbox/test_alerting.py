"""Alerters hear of issues."""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING, Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from steadfastapi import configure
from steadfastapi.alerts import Notifier
from steadfastapi.exceptions import ConfigurationError, StoreError
from steadfastapi.inbox.alerting import IssueAlerts, alert_of
from steadfastapi.inbox.api import push
from steadfastapi.inbox.layer import Inbox
from steadfastapi.inbox.store import Change
from support.inbox import ToldStore, entry, issue_id
from support.inbox_apps import inbox_of

if TYPE_CHECKING:
    from steadfastapi.alerts import Alert


def test_new_and_reopened_issues_are_told() -> None:
    """Once each, errors only, all of them bounded and scrubbed."""
    told: queue.SimpleQueue[Alert] = queue.SimpleQueue()

    with inbox_of(FastAPI(), alerters=(told.put,)) as kept:
        for level in ("WARNING", "ERROR", "ERROR"):
            push(event=f"{level.lower()}_seen", level=level, message="token=hunter22")
        issue = kept.issues(level="error")[0]
        first = told.get(timeout=10)
        kept.handle.store.set_state([issue.id], "resolved")
        push(event="error_seen", message="again")
        second = told.get(timeout=10)

    assert told.empty()
    assert ("New: token=[redacted]", "error", "fastapi") == (
        first.title,
        first.severity,
        first.source,
    )
    assert "Again: again" == second.title
    assert issue.id == first.labels["issue"] == second.labels["issue"]
    assert first.key != second.key


def test_the_last_entries_are_told_too() -> None:
    """What is written while the application ends is news like any other."""
    told: queue.SimpleQueue[Alert] = queue.SimpleQueue()
    app = FastAPI()

    with inbox_of(app, alerters=(told.put,)):
        with TestClient(app):
            push(event="crashed", level="ERROR", message="at the very end")
        assert "New: at the very end" == told.get(timeout=10).title


class Notified:
    """Keeps what a listener would tell."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def notify(self, alert: Alert) -> None:
        """Keep its title."""
        self.told.append(alert.title)


def listener(store: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Notified]:
    """Return a listener, and what it tells."""
    notified = Notified()
    monkeypatch.setattr(Notifier, "notify", lambda _, alert: notified.notify(alert))
    return IssueAlerts(store, (), 60, source="shop"), notified


def test_inbox_5_one_worker_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    """INBOX-5: who got the claim; each kind of change has its own."""
    store = ToldStore()
    held: set[str] = set()

    def claim(key: str, seconds: float) -> bool:
        new = key not in held
        held.add(key)
        return new

    store.claim = claim  # type: ignore[method-assign]
    tell, notified = listener(store, monkeypatch)

    for _ in range(3):
        tell(Change("new", issue_id("a"), entry("a", title="a")))
        tell(Change("storm", issue_id("a"), entry("a", title="a")))

    assert ["New: a", "Storm: a"] == notified.told


def test_a_store_that_fails_keeps_nobody_in_the_dark(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Perhaps twice, rather than never."""
    store = ToldStore()

    def claim(key: str, seconds: float) -> bool:
        raise StoreError("down")

    store.claim = claim  # type: ignore[method-assign]
    tell, notified = listener(store, monkeypatch)

    tell(Change("new", issue_id("a"), entry("a", title="a")))

    assert ["New: a"] == notified.told


def test_an_alert_says_where_to_look() -> None:
    """Issue, route, function, release and request."""
    one = entry("a")

    alert = alert_of(Change("reopened", one.issue, one))

    assert {
        "issue": one.issue,
        "event": "unhandled_exception",
        "route": "/pay/{id}",
        "where": "shop/pay.py in pay",
        "release": "shop@1",
        "request_id": one.request["id"],
    } == dict(alert.labels)


def test_what_is_no_alerter_is_a_mistake() -> None:
    """Found when the application is configured."""
    with pytest.raises(ConfigurationError):
        configure(FastAPI(), inbox=Inbox(alerters=("slack",)))

"""Alerts, and somebody who is told about them."""

import json
import threading
import time
from collections.abc import Callable
from typing import Any

from steadfastapi.alerts import Alert, BaseAlerter, Notifier, Pace
from steadfastapi.alerts.options import EgressOptions
from support.receiver import HttpReceiver

LOCAL: EgressOptions = {
    "allow": ["127.0.0.0/8"],
    "hosts": ["127.0.0.1"],
    "plain_http": True,
    "timeout": 0.4,
}
"""Lets an alerter post to a receiver of the test."""
BRISK = Pace(settle=0.2, every=1.0)


def opened(key: str = "probe:db", **values: Any) -> Alert:
    """Return an alert that is open."""
    given: dict[str, Any] = {"title": f"{key} is down", "source": "shop"}
    return Alert(key=key, state="open", **(given | values))


def resolved(key: str = "probe:db", **values: Any) -> Alert:
    """Return one that is over."""
    given: dict[str, Any] = {"title": f"{key} is well", "source": "shop"}
    return Alert(key=key, state="resolved", **(given | values))


def bodies(receiver: HttpReceiver) -> list[dict[str, Any]]:
    """Return the JSON that a receiver took, refused deliveries left out."""
    return [
        json.loads(request.body)
        for request in receiver.received
        if request.status == 200
    ]


def balance(notifier: Notifier) -> None:
    """Assert that every alert that was accepted has one end."""
    for tally in notifier.tallies.values():
        ends = tally.delivered + sum(tally.dropped.values()) + tally.waiting
        assert tally.accepted == ends, tally


def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for what no event tells."""
    ends_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends_at
        time.sleep(0.005)


class Somebody(BaseAlerter):
    """Remembers what it is told, or raises.

    Args:
        name: Its name.
    """

    def __init__(self, name: str = "somebody") -> None:
        self.name = name
        self.told: list[Alert] = []
        self.attempts = 0
        self.error: Exception | None = None
        self._changed = threading.Condition()

    def notify(self, alert: Alert) -> None:
        """Remember an alert."""
        with self._changed:
            self.attempts += 1
            self._changed.notify_all()
            if self.error is not None:
                raise self.error
            self.told.append(alert)

    @property
    def states(self) -> list[tuple[str, str]]:
        """Key and state of what it was told."""
        with self._changed:
            return [(alert.key, alert.state) for alert in self.told]

    def wait(self, until: Callable[[], bool], seconds: float = 5.0) -> None:
        """Wait until something is so; looks after each attempt."""
        with self._changed:
            assert self._changed.wait_for(until, seconds), self.told

    def wait_for(self, count: int, seconds: float = 5.0) -> None:
        """Wait until it was told so many alerts."""
        self.wait(lambda: len(self.told) >= count, seconds)

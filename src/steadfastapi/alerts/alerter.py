"""What delivers alerts: built-in ones, subclasses and plain functions alike."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, runtime_checkable

from steadfastapi.alerts.alert import Alert
from steadfastapi.exceptions import ConfigurationError

MAX_NAME = 64
MAX_INTERVAL = 3_600
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")

AlertFunction = Callable[[Alert], Awaitable[object] | object]
"""Delivers one alert; sync or async."""


class DeliveryError(Exception):
    """An alert was not delivered.

    Args:
        reason: Why, without address or key.
        permanent: Whether it is no use to try again.
        retry_after: Seconds that the system asks to wait; 0 leaves it to us.
    """

    def __init__(
        self, reason: str, *, permanent: bool = False, retry_after: float = 0.0
    ) -> None:
        super().__init__(reason)
        self.permanent = permanent
        self.retry_after = retry_after


@runtime_checkable
class Alerter(Protocol):
    """Anything with `notify(alert)`, sync or async, which raises where it fails.

    Sync ones run in a thread of their own, async ones on the application's event loop,
    each for 5 s at most. A failure is tried again until it succeeds; raise
    `DeliveryError(…, permanent=True)` where that is no use. `name` and `interval` are
    read where they exist; see `BaseAlerter`.
    """

    def notify(self, alert: Alert) -> Any:
        """Deliver one alert."""


class BaseAlerter(ABC):
    """Base of alerters: `notify`, and what has a default.

        class SMSAlerter(BaseAlerter):
            async def notify(self, alert: Alert) -> None:
                await send_sms(f"{alert.state}: {alert.title}")

    Attributes:
        name: In logs and metrics; two of one name get a number each.
        interval: Seconds between two messages at least.
    """

    name: str = ""
    interval: float = 0.0

    @abstractmethod
    def notify(self, alert: Alert) -> Any:
        """Deliver one alert; raises where it fails."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class FunctionAlerter(BaseAlerter):
    """A function as an alerter.

    Args:
        function: Takes the alert; async, or else it runs in a thread.
        name: The function's by default.
    """

    def __init__(self, function: AlertFunction, name: str = "") -> None:
        self.function = function
        self.name = name or getattr(function, "__name__", "").strip("<>_")

    def notify(self, alert: Alert) -> Any:
        """Call the function."""
        return self.function(alert)

    def __repr__(self) -> str:
        return f"FunctionAlerter({self.name})"


def as_alerter(candidate: Any) -> Alerter:
    """Return an alerter for what was given: itself, or one for a function.

    Raises:
        ConfigurationError: It is neither.
    """
    if not isinstance(candidate, type):
        if callable(getattr(candidate, "notify", None)):
            found: Alerter = candidate
            return found
        if callable(candidate):
            return FunctionAlerter(candidate)
        raise ConfigurationError(
            f"{type(candidate).__name__} is no alerter: give an object with "
            "notify(alert), such as SlackAlerter(webhook_url=…), or a function that "
            "takes the alert."
        )
    raise ConfigurationError(
        f"{candidate.__name__} is a class: give an object, {candidate.__name__}(…)."
    )


def name_of(alerter: Alerter, taken: set[str]) -> str:
    """Return a name for logs, metrics and claims, and take it."""
    given = getattr(alerter, "name", "") or type(alerter).__name__.lower()
    base = given if _NAME.fullmatch(str(given)) else "custom"
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base[: MAX_NAME - 4]}-{number}"
    taken.add(name)
    return name


def interval_of(alerter: Alerter) -> float:
    """Return the seconds between two messages of an alerter at least.

    Raises:
        ConfigurationError: Its `interval` is none.
    """
    interval = getattr(alerter, "interval", 0.0)
    if isinstance(interval, (int, float)) and 0 <= interval <= MAX_INTERVAL:
        return float(interval)
    raise ConfigurationError(
        f"{type(alerter).__name__}.interval is {interval!r}: give seconds, at most "
        f"{MAX_INTERVAL}."
    )

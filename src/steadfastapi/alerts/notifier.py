"""Tells people about alerts, in the background, and not too often."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any

from steadfastapi._guard import guard
from steadfastapi.alerts.alerter import as_alerter, name_of
from steadfastapi.alerts.case import Pace
from steadfastapi.alerts.channel import Channel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from steadfastapi.alerts.alert import Alert
    from steadfastapi.alerts.claims import Claims
    from steadfastapi.alerts.tally import Tally


class Notifier:
    """Brings each alert to every alerter.

    Nothing here waits, but `stop`: alerters are called in threads, one each. At most
    the newest state of 1,000 keys and 8 MiB wait for one of them; what is not told is
    counted by reason in `tallies`.

    Args:
        alerters: Alerters, or functions that take an alert.
        source: Who says so, where the alert does not: the service's name.
        is_quiet: Whether nobody is told at present, as in maintenance. Called often:
            must not wait. What is still open when it ends is told then.
        claims: Who of several processes tells; None is each for itself.
        pace: How quickly people are told.

    Raises:
        ConfigurationError: Something given is no alerter.
    """

    def __init__(
        self,
        alerters: Iterable[Any] = (),
        *,
        source: str = "",
        is_quiet: Callable[[], bool] | None = None,
        claims: Claims | None = None,
        pace: Pace | None = None,
    ) -> None:
        self._source = source
        self._ask_quiet = is_quiet
        self._claims = claims
        self._pace = pace or Pace()
        self._names: set[str] = set()
        self._channels: tuple[Channel, ...] = ()
        self._loop: asyncio.AbstractEventLoop | None = None
        for alerter in alerters:
            self.add(alerter)

    def add(self, alerter: Any) -> Notifier:
        """Tell one more; returns the notifier.

        Raises:
            ConfigurationError: It is no alerter.
        """
        made = as_alerter(alerter)
        channel = Channel(
            name_of(made, self._names),
            made,
            pace=self._pace,
            claims=self._claims,
            is_quiet=self._is_quiet,
        )
        channel.caller.loop = self._loop
        channel.tally.declare()
        self._channels = (*self._channels, channel)
        return self

    @property
    def names(self) -> list[str]:
        """Names of the alerters, as in logs and metrics."""
        return [channel.name for channel in self._channels]

    @property
    def tallies(self) -> dict[str, Tally]:
        """Counts by name of the alerter."""
        return {channel.name: channel.count() for channel in self._channels}

    def notify(self, alert: Alert) -> None:
        """Tell everyone; returns at once, from any thread, and never raises."""
        guard.call("alerts", self._notify, alert)

    def _notify(self, alert: Alert) -> None:
        alert = alert.by(self._source)
        quiet = self._is_quiet()
        for channel in self._channels:
            channel.put(alert, quiet=quiet)

    def start(self) -> None:
        """Use the running event loop, if there is one, for async alerters."""
        with contextlib.suppress(RuntimeError):
            self._loop = asyncio.get_running_loop()
        for channel in self._channels:
            channel.caller.loop = self._loop
            channel.reopen()

    def stop(self, seconds: float) -> bool:
        """Tell what is due, and that what is over is over, then tell nothing more.

        Args:
            seconds: For all alerters side by side.

        Returns:
            Whether nothing was left.
        """
        until = time.monotonic() + seconds
        results: list[bool] = []
        threads = [
            threading.Thread(
                target=lambda one: results.append(one.close(until)),
                args=(channel,),
                name=f"steadfastapi-alerts-stop-{channel.name}",
                daemon=True,
            )
            for channel in self._channels
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return all(results)

    def _is_quiet(self) -> bool:
        # A question that fails is no maintenance: better told once too often.
        return bool(self._ask_quiet and guard.call("alerts.quiet", self._ask_quiet))

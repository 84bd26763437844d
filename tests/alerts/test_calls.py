"""Custom alerters, sync and async, have an end."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from steadfastapi.alerts import Alert, BaseAlerter, DeliveryError
from steadfastapi.alerts.alerter import as_alerter
from steadfastapi.alerts.calls import Caller
from support.alerts import opened


class Later(BaseAlerter):
    """Awaits before it remembers."""

    def __init__(self) -> None:
        self.told: list[Alert] = []

    async def notify(self, alert: Alert) -> None:
        """Remember an alert."""
        await asyncio.sleep(0)
        self.told.append(alert)


class LooksSync(BaseAlerter):
    """Returns something to await."""

    def __init__(self, inner: Later) -> None:
        self.inner = inner

    def notify(self, alert: Alert) -> Any:
        """Leave it to another."""
        return self.inner.notify(alert)


def test_an_async_alerter_needs_no_application() -> None:
    """Without a loop it gets one of its own, whatever it looks like."""
    later = Later()
    Caller(later)(opened())
    Caller(LooksSync(later))(opened())

    assert 2 == len(later.told)


def test_a_function_that_hangs_is_given_up() -> None:
    """And is not called again before it has returned."""
    release, calls = threading.Event(), []

    def hang(alert: Alert) -> None:
        calls.append(alert)
        release.wait(5)

    caller = Caller(as_alerter(hang), seconds=0.1)
    started = time.monotonic()
    for reason in ("no answer within", "has not returned"):
        with pytest.raises(DeliveryError, match=reason):
            caller(opened())
    release.set()

    assert time.monotonic() - started < 1.0
    assert 1 == len(calls)


def test_an_async_function_that_hangs_is_cancelled() -> None:
    """On a loop of its own."""
    cancelled = []

    async def hang(alert: Alert) -> None:
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            cancelled.append(alert)
            raise

    with pytest.raises((TimeoutError, DeliveryError)):
        Caller(as_alerter(hang), seconds=0.1)(opened())
    assert 1 == len(cancelled)


@pytest.mark.anyio
async def test_on_the_loop_of_the_application_too() -> None:
    """Which goes on meanwhile."""

    async def hang(alert: Alert) -> None:
        await asyncio.sleep(5)

    caller = Caller(as_alerter(hang), seconds=0.1)
    caller.loop = asyncio.get_running_loop()
    with pytest.raises(DeliveryError, match="no answer within"):
        await asyncio.to_thread(caller, opened())


def test_what_an_alerter_raises_is_passed_on() -> None:
    """The channel decides what to do."""

    def refuse(alert: Alert) -> None:
        raise DeliveryError("no", permanent=True)

    with pytest.raises(DeliveryError) as error:
        Caller(as_alerter(refuse))(opened())
    assert error.value.permanent


def test_a_loop_that_is_gone_is_not_used() -> None:
    """The application has ended, the alert has not."""
    loop = asyncio.new_event_loop()
    loop.close()
    later = Later()
    caller = Caller(later)
    caller.loop = loop
    caller(opened())

    assert 1 == len(later.told)


def test_one_that_cancels_itself_has_failed() -> None:
    """It does not take the thread along."""

    async def cancel(alert: Alert) -> None:
        raise asyncio.CancelledError

    with pytest.raises(DeliveryError, match="cancelled"):
        Caller(as_alerter(cancel))(opened())

"""What is kept, where, and what a broken storage breaks: nothing."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from steadfastapi.exceptions import ConfigurationError
from steadfastapi.health import (
    AlertRecord,
    Health,
    MemoryStorage,
    ProbeResult,
    ProbeStatus,
    ProbeStorage,
    recorder,
    storage,
)
from steadfastapi.testing import internal_errors
from support.health import KEY, WITH_KEY, Dial, ask, running, until, with_health

pytestmark = pytest.mark.anyio


def result(name: str, number: int = 0) -> ProbeResult:
    """Return a result that can be told from others."""
    return ProbeResult(
        name=name, status=ProbeStatus.HEALTHY, latency_ms=number, checked_at=None
    )


def alert(name: str) -> AlertRecord:
    """Return a state change."""
    return AlertRecord(
        probe=name,
        old_status=ProbeStatus.HEALTHY,
        new_status=ProbeStatus.UNHEALTHY,
        timestamp=datetime.now(UTC),
    )


async def test_memory_keeps_the_newest() -> None:
    """So many results of each probe, so many changes of all."""
    memory = MemoryStorage(history=2, alerts=2)
    for number in range(3):
        await memory.set_latest(result("a", number))
        await memory.append_history(result("a", number))
        await memory.append_alert(alert(f"p{number}"))
    latest = await memory.get_latest("a")

    assert latest == result("a", 2)
    assert {"a": latest} == await memory.get_all_latest()
    assert {"a": [result("a", 1), result("a", 2)]} == await memory.get_history()
    assert ["p1", "p2"] == [one.probe for one in await memory.get_alerts()]
    memory.clear_latest()
    assert None is await memory.get_latest("a")


async def test_memory_is_bounded_in_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever makes them up."""
    monkeypatch.setattr(storage, "MAX_NAMES", 2)
    memory = MemoryStorage()
    for name in "abc":
        await memory.set_latest(result(name))
        await memory.append_history(result(name))

    assert ["a", "b"] == list(await memory.get_all_latest())
    assert ["a", "b"] == list(await memory.get_history())


def test_a_storage_needs_no_inheritance() -> None:
    """Eight methods make it one; fewer are refused in the settings."""
    assert isinstance(MemoryStorage(), ProbeStorage)
    with pytest.raises(ConfigurationError, match="eight methods"):
        Health(storage=object())


class Misbehaving(MemoryStorage):
    """Raises or hangs."""

    def __init__(self, *, hangs: bool = False) -> None:
        super().__init__()
        self.hangs = hangs

    async def _fail(self) -> Any:
        if self.hangs:
            await asyncio.Event().wait()
        raise ConnectionError("storage is down")

    async def set_latest(self, result: ProbeResult) -> None:
        """Fail."""
        await self._fail()

    async def append_history(self, result: ProbeResult) -> None:
        """Fail."""
        await self._fail()

    async def append_alert(self, alert: AlertRecord) -> None:
        """Fail."""
        await self._fail()

    async def get_history(self) -> Any:
        """Fail."""
        return await self._fail()

    async def get_alerts(self) -> Any:
        """Fail."""
        return await self._fail()

    async def get_maintenance(self) -> Any:
        """Fail."""
        return await self._fail()

    async def set_maintenance(self, until: float | None) -> None:
        """Fail."""
        await self._fail()


@pytest.mark.parametrize("hangs", [False, True])
async def test_a_storage_that_fails_fails_no_check(
    monkeypatch: pytest.MonkeyPatch, *, hangs: bool
) -> None:
    """Pages answer from memory, checks go on, and maintenance works here."""
    monkeypatch.setattr(recorder, "TIMEOUT", 0.05)
    probe = Dial()
    app, handle = with_health(
        probe, storage=Misbehaving(hangs=hangs), api_key=KEY, check_every=0.05
    )
    with internal_errors() as counted:
        async with running(app):
            await until(lambda: probe.checks >= 5)
            ready = await ask(app, "/health/ready")
            history = await ask(app, "/health/history", headers=WITH_KEY)
            alerts = await ask(app, "/health/alerts", headers=WITH_KEY)
            handle.set_maintenance()
            await until(lambda: counted["health.storage"] > 3)
            maintained = await ask(app, "/health/ready")

    assert (200, 200, 200) == (ready.status, history.status, alerts.status)
    assert history.body["probes"]["db"]
    assert {"status": "maintenance"} == maintained.body
    assert {"health.storage"} == set(counted)


async def test_a_storage_gets_a_copy_of_everything_in_order() -> None:
    """And is what the pages show, the results of other workers among it."""
    shared = MemoryStorage()
    probe = Dial()
    app, handle = with_health(
        probe, storage=shared, api_key=KEY, check_every=0.05, fail_after=1
    )
    await shared.append_history(result("db", 99))
    async with running(app):
        await until(lambda: probe.checks >= 2)
        probe.error = ValueError("x")
        await until(lambda: shared._alerts)
        history = await ask(app, "/health/history", headers=WITH_KEY)
        alerts = await ask(app, "/health/alerts", headers=WITH_KEY)

    assert 99 == history.body["probes"]["db"][0]["latency_ms"]
    assert ["unhealthy"] == [one["new_status"] for one in alerts.body["alerts"]]
    assert (await shared.get_latest("db")) is not None
    assert 0 == handle.recorder.dropped


async def test_what_a_slow_storage_cannot_take_is_dropped_and_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The oldest first: accepted = done + dropped + waiting."""
    monkeypatch.setattr(recorder, "MAX_WAITING", 10)
    kept = recorder.Recorder(Misbehaving(hangs=True), history=10, alerts=10)
    for number in range(100):
        kept.result(result("a", number))
    waiting = len(kept._waiting)
    await kept.aclose()

    assert (10, 190) == (waiting, kept.dropped)

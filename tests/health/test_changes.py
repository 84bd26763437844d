"""Whoever asked for state changes gets them, and holds nothing up."""

import asyncio
from datetime import UTC, datetime

import pytest

from steadfastapi.health import AlertRecord, ProbeStatus, changes
from steadfastapi.health.changes import Changes
from steadfastapi.testing import internal_errors
from support.health import Dial, running, until, with_health

pytestmark = pytest.mark.anyio


def change(name: str) -> AlertRecord:
    """Return a state change."""
    return AlertRecord(
        probe=name,
        old_status=ProbeStatus.HEALTHY,
        new_status=ProbeStatus.UNHEALTHY,
        timestamp=datetime.now(UTC),
    )


async def test_listeners_hear_of_every_change_in_order() -> None:
    """Async or not, until they have had enough."""
    told, heard, also = Changes(), [], []

    async def listen(one: AlertRecord) -> None:
        await asyncio.sleep(0)
        heard.append(one.probe)

    told.subscribe(listen)
    undo = told.subscribe(lambda one: also.append(one.probe))
    told.tell(change("a"))
    told.tell(change("b"))
    await told.told()
    undo()
    told.tell(change("c"))
    await told.told()

    assert (["a", "b", "c"], ["a", "b"]) == (heard, also)


async def test_a_listener_that_fails_or_hangs_holds_up_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is counted as an internal error."""
    monkeypatch.setattr(changes, "TIMEOUT", 0.05)
    told, heard = Changes(), []

    async def hang(one: AlertRecord) -> None:
        await asyncio.Event().wait()

    def fail(one: AlertRecord) -> None:
        raise ValueError("broken")

    for listener in (hang, fail, lambda one: heard.append(one.probe)):
        told.subscribe(listener)
    with internal_errors() as counted:
        told.tell(change("a"))
        await told.told()

    assert (["a"], {"health.listener": 2}) == (heard, dict(counted))


async def test_the_queue_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest go first, and are counted."""
    monkeypatch.setattr(changes, "MAX_WAITING", 3)
    told, heard = Changes(), []
    told.subscribe(lambda one: heard.append(one.probe))
    for number in range(10):
        told.tell(change(str(number)))
    await told.told()

    assert (["7", "8", "9"], 7) == (heard, told.dropped)


async def test_an_application_tells_of_its_probes() -> None:
    """In maintenance too: who alerts people knows about that."""
    probe = Dial()
    app, handle = with_health(probe, check_every=0.05, fail_after=1, recover_after=1)
    heard: list[str] = []
    undo = handle.on_state_change(lambda one: heard.append(one.new_status))
    async with running(app):
        await until(lambda: probe.checks > 1)
        probe.error = ValueError("x")
        await until(lambda: heard == ["unhealthy"])
        handle.set_maintenance()
        probe.error = None
        await until(lambda: len(heard) == 2)
        undo()
        probe.error = ValueError("x")
        await until(lambda: len(handle.recorder.memory._alerts) == 3)

    assert ["unhealthy", "healthy"] == heard


async def test_a_listener_of_fastapi_watch_goes_on_working() -> None:
    """It takes the name, the state before and the state after."""
    told, heard = Changes(), []

    def listen(name: str, before: ProbeStatus, after: ProbeStatus) -> None:
        heard.append((name, before.value, after.value))

    undo = told.subscribe(listen)
    told.tell(change("a"))
    await told.told()
    undo()
    told.tell(change("b"))
    await told.told()

    assert [("a", "healthy", "unhealthy")] == heard


async def test_a_listener_that_takes_anything_gets_the_change() -> None:
    """One argument is the rule, three are the exception."""
    told, heard = Changes(), []
    told.subscribe(lambda *anything: heard.append(len(anything)))
    told.tell(change("a"))
    await told.told()

    assert [1] == heard

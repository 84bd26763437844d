"""The poll, and answers without one."""

import asyncio
import time
from typing import Any

import pytest
from starlette.testclient import TestClient

from steadfastapi.exceptions import ConfigurationError
from steadfastapi.health import HealthHandle, NoOpProbe, ProbeStatus, checks
from steadfastapi.testing import capture, internal_errors
from support.health import Dial, ask, running, until, with_health

pytestmark = pytest.mark.anyio


def state(handle: HealthHandle, name: str = "db") -> ProbeStatus:
    """Return how a probe stands."""
    check = handle.checks.named(name)
    assert check is not None
    return check.standing.status


async def test_states_change_without_any_request() -> None:
    """Down and up again, by the poll alone (HEALTH-2)."""
    probe = Dial()
    app, handle = with_health(probe, check_every=0.05)
    async with running(app):
        await until(lambda: state(handle) == ProbeStatus.HEALTHY)
        probe.error = ConnectionRefusedError("down")
        await until(lambda: state(handle) == ProbeStatus.UNHEALTHY)
        assert 503 == (await ask(app, "/health/ready")).status
        probe.error = None
        await until(lambda: state(handle) == ProbeStatus.HEALTHY)
        assert 200 == (await ask(app, "/health/ready")).status


async def test_the_poll_keeps_its_pace() -> None:
    """One check in an interval, and one more at the very start."""
    probe = Dial()
    app, _ = with_health(probe, check_every=0.1)
    started = time.monotonic()
    async with running(app):
        await until(lambda: probe.checks >= 5)
    elapsed = time.monotonic() - started

    assert 0.4 <= elapsed < 1.5


async def test_pages_wait_for_a_first_result_and_then_for_nothing() -> None:
    """While the poll runs, what it knows is the answer."""
    probe = Dial()
    app, _ = with_health(probe, check_every=0.2, timeout=0.15)
    async with running(app):
        first = await ask(app, "/health/ready")
        probe.hangs = True
        before = probe.checks
        await until(lambda: probe.checks > before)
        started = time.perf_counter()
        second = await ask(app, "/health/ready")
        took = time.perf_counter() - started

    assert [200, 200] == [first.status, second.status]
    assert took < 0.1


async def test_without_a_lifespan_pages_ask_themselves() -> None:
    """As under a test client without a context, or in a mounted application."""
    probe = Dial()
    app, _ = with_health(probe)
    client = TestClient(app)

    assert [200, 200] == [client.get("/health/ready").status_code for _ in range(2)]
    assert 1 == probe.checks


async def test_a_check_that_is_slower_than_a_page_waits_leaves_it_starting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A timeout of its own may be longer than the kubelet's patience."""
    monkeypatch.setattr(checks, "PATIENCE", 0.05)
    probe = Dial(timeout=30)
    probe.hangs = True
    app, handle = with_health(probe)
    answer = await ask(app, "/health/ready")
    (check,) = handle.checks
    await check.aclose()

    assert (503, {"status": "starting"}) == (answer.status, answer.body)


async def test_a_probe_can_be_added_while_the_application_runs() -> None:
    """The poll finds it."""
    app, handle = with_health(check_every=0.05)
    async with running(app):
        late = Dial("late")
        handle.add(late)
        await until(lambda: late.checks > 1)


async def test_the_application_can_be_started_again() -> None:
    """As test-suites do; each time in a new event loop."""
    probe = Dial()
    app, handle = with_health(probe, check_every=0.05)

    def once() -> int:
        with TestClient(app) as client:
            return client.get("/health/ready").status_code

    codes = [await asyncio.to_thread(once) for _ in range(2)]

    assert [200, 200] == codes
    assert not handle.checks.polling


async def test_stopping_closes_probes_and_returns_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also one that hangs, and one that raises."""
    monkeypatch.setattr(checks, "CLOSE_SECONDS", 0.2)
    closed: list[str] = []

    class Closing(Dial):
        async def aclose(self) -> None:
            closed.append(self.name)
            if self.name == "hangs":
                await asyncio.Event().wait()
            raise OSError("already gone")

    app, _ = with_health(Closing("raises"), Closing("hangs"), check_every=0.05)
    started = time.perf_counter()
    async with running(app):
        pass
    took = time.perf_counter() - started

    assert ["hangs", "raises"] == sorted(closed)
    assert took < 2


async def test_watch_5_a_state_change_is_one_line_and_one_metric() -> None:
    """Results that change nothing are neither."""
    probe = Dial()
    app, handle = with_health(probe, check_every=0.05, fail_after=2)
    with capture(app) as seen:
        async with running(app):
            await until(lambda: probe.checks > 2)
            probe.error = ValueError("broken")
            await until(lambda: state(handle) == ProbeStatus.UNHEALTHY)
            await until(lambda: probe.checks > 8)
        lines = seen.events("probe state changed")
        up = seen.metric("health_check_up", check="db", hard="true")
        count = seen.metric("health_check_duration_seconds_count", check="db")

    assert [("db", "healthy", "unhealthy", "warning", "ValueError: broken")] == [
        tuple(
            line[key] for key in ("probe", "old_status", "new_status", "level", "error")
        )
        for line in lines
    ]
    assert 0 == up
    assert count >= 8


async def test_errors_of_our_own_stop_neither_checks_nor_poll(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What keeps, counts or tells results may fail; so may what is done besides."""
    probe = Dial()
    app, handle = with_health(probe, check_every=0.05)

    async def fails() -> None:
        raise RuntimeError("besides")

    def breaks(*_: Any) -> None:
        raise RuntimeError("kept")

    handle.checks.each_second.append(fails)
    monkeypatch.setattr(handle.recorder, "result", breaks)
    with internal_errors() as counted:
        async with running(app):
            await until(lambda: counted["health.poll"] and counted["health.check"])
            before = probe.checks
            await until(lambda: probe.checks > before + 2)
            answer = await ask(app, "/health/ready")

    assert 200 == answer.status
    assert {"health.poll", "health.check"} == set(counted)


async def test_a_report_can_be_had_in_python() -> None:
    """For an endpoint of one's own."""
    _, handle = with_health(Dial(), NoOpProbe())
    report = await handle.get_report()

    assert ("healthy", ["db", "noop"]) == (
        report.status,
        [result.name for result in report.probes],
    )
    assert ["db", "noop"] == [result.name for result in await handle.run_all()]


def many() -> Any:
    """Add a probe too many."""
    _, handle = with_health()
    for number in range(checks.MAX_PROBES + 1):
        handle.add(NoOpProbe(f"probe-{number}"))


async def test_probes_are_bounded() -> None:
    """One made per request, by mistake, ends soon."""
    with pytest.raises(ConfigurationError, match="there are 500 probes already"):
        many()


async def test_a_name_is_taken_once() -> None:
    """The same object may be added again."""
    probe = Dial()
    _, handle = with_health(probe)
    handle.add(probe)

    assert 1 == len(handle.checks)
    with pytest.raises(ConfigurationError, match="Two probes are named 'db'"):
        handle.add(Dial())

"""Decisions in time: the budget, the breaker, and what counts meanwhile."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

import anyio
import pytest

from steadfastapi._meter import Meter
from steadfastapi.limits import storage as module
from steadfastapi.limits.deadline import BUDGET
from steadfastapi.limits.demands import Demand, Standing, Verdict
from steadfastapi.limits.memory import MemoryStorage
from steadfastapi.limits.storage import FAILURES, Storage
from support.limited import until

DEMAND = Demand("bucket", amount=8, window=60, cost=1)


class Scripted:
    """A shared storage that does what it is told."""

    def __init__(self) -> None:
        self.act: Callable[[], Verdict] = lambda: Verdict(True, [Standing(7, 60, 0)])
        self.hangs = False
        self.asked = 0
        self.closed = 0

    async def take(self, demands: Sequence[Demand]) -> Verdict:
        """Act."""
        self.asked += 1
        if self.hangs:
            await asyncio.sleep(60)
        return self.act()

    async def check(self) -> None:
        """Act."""
        await self.take([])

    async def close(self) -> None:
        """Count."""
        self.closed += 1


def fail() -> Verdict:
    """Raise as a client library does."""
    raise ConnectionError


@pytest.fixture
def shared() -> Scripted:
    """A shared storage that works."""
    return Scripted()


@pytest.fixture
def storage(shared: Scripted, monkeypatch: pytest.MonkeyPatch) -> Storage:
    """A storage of four workers that looks after the shared one often."""
    monkeypatch.setattr(module, "PROBE_INTERVAL", 0.01)
    return Storage(MemoryStorage(), lambda: shared, workers=4, meter=Meter())


def test_a_shared_storage_decides_while_it_works(
    storage: Storage, shared: Scripted
) -> None:
    """And nothing is counted here."""

    async def run() -> Verdict:
        verdict = await storage.take([DEMAND])
        await storage.close()
        return verdict

    assert 7 == anyio.run(run).standings[0].remaining
    assert (1, 0, 1) == (shared.asked, len(storage.local), shared.closed)


def test_what_hangs_is_decided_here_within_the_budget(
    storage: Storage, shared: Scripted
) -> None:
    """A quarter of eight falls to each of four workers."""
    shared.hangs = True

    async def run() -> tuple[list[bool], float]:
        began = asyncio.get_running_loop().time()
        verdicts = [await storage.take([DEMAND]) for _ in range(3)]
        elapsed = asyncio.get_running_loop().time() - began
        await storage.close()
        return [verdict.granted for verdict in verdicts], elapsed

    granted, elapsed = anyio.run(run)

    assert [True, True, False] == granted
    assert 3 * BUDGET <= elapsed <= 3 * 0.06


def test_a_late_answer_to_a_busy_process_is_no_failure(
    storage: Storage, shared: Scripted
) -> None:
    """The answer was there; it was the event loop that came late."""

    async def take(demands: Sequence[Demand]) -> Verdict:
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[Verdict] = loop.create_future()
        loop.call_later(BUDGET / 2, answered.set_result, shared.act())
        loop.call_soon(time.sleep, BUDGET * 1.5)
        return await answered

    shared.take = take  # type: ignore[method-assign]

    async def run() -> Verdict:
        verdict = await storage.take([DEMAND])
        await storage.close()
        return verdict

    assert 7 == anyio.run(run).standings[0].remaining


def test_five_failures_in_a_row_open_the_breaker_and_it_closes_by_itself(
    storage: Storage, shared: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    """One line when it opens, one when it closes."""
    working = shared.act

    async def run() -> list[bool]:
        downs = []
        shared.act = fail
        for _ in range(FAILURES):
            downs.append(storage.down)
            await storage.take([DEMAND])
        downs.append(storage.down)
        asked = shared.asked
        await storage.take([DEMAND])
        assert asked == shared.asked  # nobody waits any more
        await until(lambda: shared.asked > asked + 2)
        shared.act = working
        await until(lambda: not storage.down)
        await storage.close()
        return downs

    with caplog.at_level(logging.WARNING, "steadfastapi.limits"):
        assert [*[False] * FAILURES, True] == anyio.run(run)
    messages = [record.getMessage() for record in caplog.records]
    assert ["does not answer" in messages[0], "answers again" in messages[1]] == [
        True,
        True,
    ]
    assert 2 == len(messages)


def test_a_success_between_failures_keeps_the_breaker_closed(
    storage: Storage, shared: Scripted
) -> None:
    """Five in a row are needed."""
    working = shared.act

    async def run() -> bool:
        for number in range(20):
            shared.act = working if number % 5 == 4 else fail
            await storage.take([DEMAND])
        await storage.close()
        return storage.down

    assert not anyio.run(run)


def test_deny_refuses_instead_of_deciding_here(
    storage: Storage, shared: Scripted
) -> None:
    """At the first failure already."""
    shared.act = fail

    async def run() -> Verdict:
        verdict = await storage.take([DEMAND], deny=True)
        await storage.close()
        return verdict

    assert Verdict(granted=False, unavailable=True) == anyio.run(run)


def test_what_was_just_refused_is_not_granted_by_a_failure(
    storage: Storage, shared: Scripted
) -> None:
    """For as long as the storage said; other buckets are not concerned."""
    shared.act = lambda: Verdict(False, [Standing(0, 20, 20)])

    async def run() -> list[Verdict]:
        await storage.take([DEMAND])
        shared.act = fail
        found = [await storage.take([DEMAND])]
        found.append(await storage.take([Demand("other", 8, 60, 1)]))
        await storage.close()
        return found

    refused, granted = anyio.run(run)

    assert not refused.granted
    assert 19 < refused.standings[0].wait <= 20
    assert granted.granted


def test_a_cancelled_decision_is_cancelled(storage: Storage, shared: Scripted) -> None:
    """And no failure of the storage."""
    shared.hangs = True

    async def run() -> bool:
        task = asyncio.create_task(storage.take([DEMAND]))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await storage.close()
        return storage._failures == 0

    assert anyio.run(run)


def test_every_event_loop_has_connections_of_its_own(
    storage: Storage, shared: Scripted
) -> None:
    """As in test-suites, and in servers that are started again."""
    for _ in range(2):
        anyio.run(storage.take, [DEMAND])

    assert 2 == shared.asked


def test_it_is_closed_from_the_thread_that_shuts_down(
    storage: Storage, shared: Scripted
) -> None:
    """Within what is left of the deadline."""

    async def run() -> bool:
        storage.warm()
        await storage.take([DEMAND])
        return await anyio.to_thread.run_sync(storage.close_from_thread, 1.0)

    assert anyio.run(run)
    assert 1 == shared.closed
    assert storage.close_from_thread(1.0)  # its loop is gone

"""RL-2, RL-10, RL-12 and RL-13: windows, and what is true of their clocks."""

import subprocess
import sys
import tracemalloc

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis import Redis

from steadfastapi.limits import headers as fields
from steadfastapi.limits.demands import Demand
from steadfastapi.limits.memory import MAX_KEYS, MemoryStorage
from steadfastapi.limits.redis import RedisStorage
from support.redis import URL, namespace


class Clock:
    """A clock that stands until it is told."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> int:
        """Return the time in microseconds."""
        return round(self.now * 1e6)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.floats(0.0, 3.0), min_size=1, max_size=200),
    st.integers(1, 20),
    st.integers(1, 3),
)
def test_rl_2_no_window_holds_more_than_the_limit(
    gaps: list[float], amount: int, window: int
) -> None:
    """However requests come, and wherever the window is laid."""
    clock = Clock()
    storage = MemoryStorage(clock=clock)
    demand = Demand("bucket", amount, window, 1)
    accepted = []
    for gap in gaps:
        clock.now += gap / 10
        if storage.take([demand]).granted:
            accepted.append(clock())

    assert amount >= max(
        sum(start <= one < start + window * 1_000_000 for one in accepted)
        for start in accepted
    )


def test_rl_2_a_burst_across_the_edge_is_one_limit() -> None:
    """Factor 1.00, in Redis too."""

    async def run(name: str) -> list[int]:
        storage = RedisStorage(URL, prefix=f"steadfast:{name}", timeout=1)
        demand = Demand("bucket", 20, 1, 1)
        found = []
        for pause in (0.7, 0.5, 0.9):
            verdicts = [await storage.take([demand]) for _ in range(30)]
            found.append(sum(verdict.granted for verdict in verdicts))
            await anyio.sleep(pause)
        await storage.close()
        return found

    with namespace() as name:
        assert [20, 0, 20] == anyio.run(run, name)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.floats(0, 2), max_size=60),
    st.integers(1, 20),
    st.integers(1, 10),
    st.integers(1, 20),
)
def test_rl_10_sleeping_as_long_as_told_succeeds(
    gaps: list[float], amount: int, window: int, cost: int
) -> None:
    """On a clock that only the test moves; whole seconds, at least one."""
    clock = Clock()
    storage = MemoryStorage(clock=clock)
    for gap in gaps:
        clock.now += gap
        storage.take([Demand("bucket", amount, window, 1)])
    demand = Demand("bucket", amount, window, min(cost, amount))
    verdict = storage.take([demand])
    if not verdict.granted:
        retry_after = fields.seconds(verdict.standings[0].wait)
        clock.now += retry_after

        assert 1 <= retry_after <= window + 1
        assert storage.take([demand]).granted


@pytest.mark.soak
def test_rl_10_a_thousand_sleepers_on_a_real_clock() -> None:
    """Each sleeps for what Redis said, and then has it."""

    async def run(name: str) -> int:
        storage = RedisStorage(URL, prefix=f"steadfast:{name}", timeout=5)
        succeeded = 0

        async def sleep(number: int) -> None:
            nonlocal succeeded
            await anyio.sleep(number / 500)
            demand = Demand(f"bucket-{number}", 2, 2 + number % 3, 1)
            while (verdict := await storage.take([demand])).granted:
                pass
            await anyio.sleep(fields.seconds(verdict.standings[0].wait))
            verdict = await storage.take([demand])
            succeeded += verdict.granted

        async with anyio.create_task_group() as tasks:
            for number in range(1_000):
                tasks.start_soon(sleep, number)
        await storage.close()
        return succeeded

    with namespace() as name:
        assert anyio.run(run, name) >= 999


SKEWED = """
import asyncio, sys, time
real, skew = time.time, float(sys.argv[2])
time.time = lambda: real() + skew
from steadfastapi.limits.demands import Demand
from steadfastapi.limits.redis import RedisStorage

async def main():
    storage = RedisStorage(sys.argv[1], prefix=sys.argv[3], timeout=5)
    demand = Demand("bucket", 5, 60, 1)
    print(sum([(await storage.take([demand])).granted for _ in range(10)]))
    await storage.close()

asyncio.run(main())
"""


def test_rl_12_workers_with_wrong_clocks_get_nothing_extra() -> None:
    """A minute early, a minute late: five of five are granted in all."""
    with namespace() as name:
        running = [
            subprocess.Popen(
                [sys.executable, "-c", SKEWED, URL, skew, f"steadfast:{name}"],
                stdout=subprocess.PIPE,
                text=True,
            )
            for skew in ("61", "-61")
        ]
        granted = [int(process.communicate()[0]) for process in running]

    assert 5 == sum(granted)


def test_rl_13_memory_is_bounded() -> None:
    """The buckets used longest ago go, and the one in use stays."""
    storage = MemoryStorage(max_keys=1_000)
    kept = Demand("kept", 10_000, 60, 1)
    for number in range(5_000):
        storage.take([Demand(str(number), 5, 60, 1)])
        if number % 500 == 0:
            storage.take([kept])

    assert 1_000 == len(storage)
    assert 10_000 - 11 == storage.take([kept]).standings[0].remaining


@pytest.mark.soak
def test_rl_13_a_million_keys_are_less_than_47_mb() -> None:
    """What the process may hold at most, whoever calls."""
    storage = MemoryStorage()
    tracemalloc.start()
    for number in range(1_000_000):
        storage.take([Demand(f"{number:032x}", 5, 60, 1)])
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert MAX_KEYS == len(storage)
    assert size <= 47_000_000


def test_rl_13_a_key_in_redis_ends_with_its_window() -> None:
    """After two windows at most."""

    async def run(name: str) -> None:
        storage = RedisStorage(URL, prefix=f"steadfast:{name}", timeout=1)
        for window in (1, 60, 3_600):
            await storage.take([Demand(f"{window}", 5, window, 1)])
        await storage.close()

    with namespace() as name, Redis.from_url(URL) as client:
        anyio.run(run, name)
        for window in (1, 60, 3_600):
            left = client.pttl(f"steadfast:{name}:{window}")

            assert 0 < int(str(left)) <= 2_000 * window

"""RT-4 to RT-8: time, load and number of the attempts, without a database."""

import asyncio
import random
import time
from bisect import bisect_left
from typing import Any

import pytest
from tenacity import RetryCallState, retry_if_exception_type

from steadfastapi import RetryBudget, db_retry, http_retry, retry
from steadfastapi.testing import instant_retries

pytestmark = pytest.mark.anyio


class FlakyError(Exception):
    """What is retried here."""


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.mark.parametrize("failures", [0, 1])
async def test_rt_4_one_deadline_covers_an_attempt_that_hangs(failures: int) -> None:
    """The call ends within 50 ms of the deadline, whichever attempt hangs."""
    attempts = 0

    @retry(on=FlakyError, deadline=0.3, base=0.01)
    async def hang() -> None:
        nonlocal attempts
        attempts += 1
        if attempts <= failures:
            raise FlakyError
        await asyncio.sleep(60)

    begin = time.monotonic()
    with pytest.raises(TimeoutError, match=r"within the deadline of 0\.3 s"):
        await hang()
    assert 0.29 <= time.monotonic() - begin <= 0.35
    assert failures + 1 == attempts


async def test_rt_4_the_deadline_holds_for_a_block() -> None:
    """`with attempt:` ends by the same error."""
    begin = time.monotonic()

    async def block() -> None:
        async for attempt in retry(deadline=0.1).attempts():
            with attempt:
                await asyncio.sleep(60)

    with pytest.raises(TimeoutError, match="deadline"):
        await block()
    assert 0.09 <= time.monotonic() - begin <= 0.15


def test_rt_4_no_sync_attempt_starts_after_the_deadline() -> None:
    """Nothing can end one that runs."""
    attempts = 0

    @retry(on=FlakyError, deadline=0.05)
    def slow() -> None:
        nonlocal attempts
        attempts += 1
        time.sleep(0.06)
        raise FlakyError

    with pytest.raises(FlakyError):
        slow()
    assert 1 == attempts


@pytest.mark.parametrize("waiting", [False, True])
async def test_rt_5_cancellation_passes_at_once(*, waiting: bool) -> None:
    """During an attempt and between two; never another attempt."""
    attempts = 0
    reached = asyncio.Event()

    @retry(on=lambda _: True, base=60, cap=60, deadline=None)
    async def hang() -> None:
        nonlocal attempts
        attempts += 1
        reached.set()
        if waiting:
            raise FlakyError
        await asyncio.sleep(60)

    task = asyncio.create_task(hang())
    await reached.wait()
    await asyncio.sleep(0)
    begin = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - begin <= 0.05
    assert 1 == attempts


def waits() -> tuple[float, float]:
    """Return what the default strategy waits after the first and second attempt."""

    @db_retry
    def work() -> None:
        """Do nothing."""

    found = []
    for number in (1, 2):
        state = RetryCallState(work.retry, None, (), {})
        state.attempt_number = number
        found.append(work.retry.wait(state))
    return found[0], found[1]


def test_rt_6_waits_are_full_jitter() -> None:
    """Anything from 0 to 0.1 s, then to 0.2 s; 2 s at most."""
    first, second = zip(*(waits() for _ in range(1_000)), strict=True)
    assert 0 <= min(first) < 0.01
    assert 0.09 < max(first) <= 0.1
    assert 0 <= min(second) < 0.02
    assert 0.18 < max(second) <= 0.2

    @db_retry
    def work() -> None:
        """Do nothing."""

    state = RetryCallState(work.retry, None, (), {})
    state.attempt_number = 50
    assert 1 < max(work.retry.wait(state) for _ in range(100)) <= 2


def test_rt_6_a_thousand_failures_at_once_spread() -> None:
    """At most 200 retries in any window of 10 ms, in each of 20 rounds."""
    random.seed()
    for _ in range(20):
        times: list[float] = []
        for first, second in (waits() for _ in range(1_000)):
            times += (first, first + second)
        times.sort()
        window = max(
            bisect_left(times, at + 0.01) - number for number, at in enumerate(times)
        )
        assert window <= 200


def test_rt_7_a_total_outage_adds_a_fifth_at_most() -> None:
    """100 calls a second for a minute: the default adds about a tenth."""
    clock = Clock()
    attempts = 0

    @retry(on=FlakyError, budget=RetryBudget(clock=clock), sleep=lambda _: None)
    def down() -> None:
        nonlocal attempts
        attempts += 1
        raise FlakyError

    for _ in range(6_000):
        clock.now += 0.01
        with pytest.raises(FlakyError):
            down()
    assert 1.05 <= attempts / 6_000 <= 1.2


def test_rt_7_a_hiccup_is_retried_in_full() -> None:
    """After ten good seconds, all calls of a bad one are repeated."""
    clock = Clock()
    attempts = 0
    well = True

    @retry(on=FlakyError, budget=RetryBudget(clock=clock), sleep=lambda _: None)
    def work() -> None:
        nonlocal attempts
        attempts += 1
        if not well and attempts % 2:
            raise FlakyError

    for _ in range(1_000):
        clock.now += 0.01
        work()
    attempts, well = 0, False
    for _ in range(100):
        clock.now += 0.01
        work()
    assert 200 == attempts


@pytest.mark.parametrize("kinds", ["same", "mixed"])
async def test_rt_8_three_layers_make_three_attempts(kinds: str) -> None:
    """Each layer would make three by itself."""
    attempts = 0
    layers = [retry(on=ConnectionError)] * 3
    if kinds == "mixed":
        layers = [retry(on=OSError, attempts=9), http_retry, retry(on=ConnectionError)]

    async def down() -> None:
        nonlocal attempts
        attempts += 1
        raise ConnectionRefusedError

    layered: Any = down
    for layer in layers:
        layered = layer(layered)
    with instant_retries(), pytest.raises(ConnectionRefusedError):
        await layered()
    assert 3 == attempts


async def test_rt_8_what_no_layer_outside_takes_up_is_retried_inside() -> None:
    """A retry of another kind of error is no reason to do without."""
    attempts = 0

    @retry(on=ConnectionError)
    async def inner() -> None:
        nonlocal attempts
        attempts += 1
        raise ConnectionRefusedError

    @retry(on=FlakyError)
    async def outer() -> None:
        await inner()

    with instant_retries(), pytest.raises(ConnectionRefusedError):
        await outer()
    assert 3 == attempts


@pytest.mark.parametrize("on", [OSError, FlakyError])
async def test_rt_8_a_strategy_of_the_user_counts_as_well(on: type[Exception]) -> None:
    """Whether it takes the error up or not, there are three attempts."""
    attempts = 0

    @retry(on=ConnectionError)
    async def inner() -> None:
        nonlocal attempts
        attempts += 1
        raise ConnectionRefusedError

    @retry(retry=retry_if_exception_type(on))
    async def outer() -> None:
        await inner()

    with instant_retries(), pytest.raises(ConnectionRefusedError):
        await outer()
    assert 3 == attempts


async def test_rt_8_different_errors_together_make_three_attempts() -> None:
    """However they alternate, the outermost call's attempts are all there are."""
    attempts = 0

    @retry(on=ConnectionError, attempts=9)
    async def inner() -> None:
        nonlocal attempts
        attempts += 1
        raise ConnectionRefusedError if attempts % 2 else FlakyError

    @retry(on=FlakyError)
    async def outer() -> None:
        await inner()

    with instant_retries(), pytest.raises(ConnectionRefusedError):
        await outer()
    assert 3 == attempts


async def test_rt_8_a_task_that_outlives_its_call_retries_by_itself() -> None:
    """It was started in a call, which is over."""
    attempts = 0
    over = asyncio.Event()

    @retry(on=FlakyError)
    async def later() -> None:
        nonlocal attempts
        await over.wait()
        attempts += 1
        raise FlakyError

    @retry(on=FlakyError)
    async def start() -> asyncio.Task[None]:
        return asyncio.create_task(later())

    with instant_retries():
        task = await start()
        over.set()
        with pytest.raises(FlakyError):
            await task
    assert 3 == attempts

"""Attempts of a block."""

import asyncio

import pytest

from steadfastapi import db_retry, retry
from steadfastapi.retries.transactions import active

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("instant")]


class FlakyError(Exception):
    """What is retried here."""


async def test_a_block_is_repeated_until_it_works() -> None:
    """In async code, with the number of the attempt."""
    numbers = []
    async for attempt in retry(on=FlakyError).attempts():
        with attempt:
            numbers.append(attempt.number)
            if attempt.number < 3:
                raise FlakyError
    assert [1, 2, 3] == numbers
    assert active.get() is None


def test_a_sync_block_is_repeated_until_it_works() -> None:
    """With a plain loop; statistics are there afterwards."""
    attempts = retry(on=FlakyError).attempts()
    numbers = []
    for attempt in attempts:
        with attempt:
            numbers.append(attempt.number)
            if attempt.number < 2:
                raise FlakyError
    assert [1, 2] == numbers
    assert 2 == attempts.statistics["attempt_number"]


@pytest.mark.parametrize("way", ["sync", "async"])
async def test_the_original_error_ends_the_loop(way: str) -> None:
    """After three attempts, or at once where another would not help."""
    counts = []
    for error in (FlakyError, KeyError):
        count = 0

        async def block(error: type[Exception] = error) -> None:
            nonlocal count
            async for attempt in retry(on=FlakyError).attempts():
                with attempt:
                    count += 1
                    raise error

        def block_sync(error: type[Exception] = error) -> None:
            nonlocal count
            for attempt in retry(on=FlakyError).attempts():
                with attempt:
                    count += 1
                    raise error

        with pytest.raises(error):
            await (block() if way == "async" else asyncio.to_thread(block_sync))
        counts.append(count)
    assert [3, 1] == counts


async def test_one_can_leave_a_block_early() -> None:
    """By `return` or `break`; nothing stays behind."""

    async def first() -> int:
        async for attempt in db_retry.attempts():
            with attempt:
                return attempt.number
        return 0

    assert 1 == await first()
    async for attempt in db_retry.attempts():
        with attempt:
            break
    assert active.get() is None


async def test_cancellation_passes_through_a_block() -> None:
    """At once, and it is not repeated."""
    count = 0

    async def block() -> None:
        nonlocal count
        async for attempt in retry().attempts():
            with attempt:
                count += 1
                await asyncio.sleep(60)

    task = asyncio.create_task(block())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert 1 == count


async def test_functions_inside_of_a_block_leave_the_retrying_to_it() -> None:
    """Three attempts in all; between the blocks they are on their own."""
    count = 0

    @retry(on=FlakyError)
    async def inner() -> None:
        nonlocal count
        count += 1
        raise FlakyError

    async def block() -> None:
        async for attempt in retry(on=FlakyError).attempts():
            with attempt:
                await inner()

    with pytest.raises(FlakyError):
        await block()
    assert 3 == count
    with pytest.raises(FlakyError):
        await inner()
    assert 6 == count

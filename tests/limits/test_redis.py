"""The script: moving windows on the server's clock, all or none."""

import random
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest
from redis import Redis
from redis.exceptions import OutOfMemoryError

from steadfastapi.limits.demands import Demand, Verdict
from steadfastapi.limits.memory import MemoryStorage
from steadfastapi.limits.redis import RedisStorage
from support.redis import URL, OwnRedis, namespace

Use = Callable[[RedisStorage], Awaitable[Any]]


def with_storage(use: Use) -> Any:
    """Return what comes of using a storage in a namespace of its own."""

    async def run(name: str) -> Any:
        storage = RedisStorage(URL, prefix=f"steadfast:{name}", timeout=5)
        try:
            return await use(storage)
        finally:
            await storage.close()

    with namespace() as name:
        return anyio.run(run, name)


def test_it_says_what_remains_and_when_there_is_more() -> None:
    """As the memory does."""

    async def use(storage: RedisStorage) -> list[Verdict]:
        demand = Demand("bucket", 2, 60, 1)
        return [await storage.take([demand]) for _ in range(3)]

    first, second, third = with_storage(use)

    assert [True, True, False] == [one.granted for one in (first, second, third)]
    assert [1, 0, 0] == [one.standings[0].remaining for one in (first, second, third)]
    assert 59 < second.standings[0].reset <= 60
    assert 59 < third.standings[0].wait <= 60


def test_a_refusal_takes_nothing_from_any_bucket() -> None:
    """Several limits of one request are granted together, or not at all."""

    async def use(storage: RedisStorage) -> list[int]:
        tight, wide = Demand("tight", 1, 60, 1), Demand("wide", 9, 60, 1)
        for _ in range(3):
            await storage.take([wide, tight])
        verdict = await storage.take([wide])
        return [verdict.standings[0].remaining]

    assert [7] == with_storage(use)


@pytest.mark.parametrize("cost", [1, 7, 999, 1_000, 1_001, 2_500])
def test_a_request_may_cost_thousands(cost: int) -> None:
    """Lua passes a thousand arguments at a time."""

    async def use(storage: RedisStorage) -> list[Any]:
        demand = Demand("bucket", 2 * cost, 60, cost)
        verdicts = [await storage.take([demand]) for _ in range(3)]
        return [[one.granted, one.standings[0].remaining] for one in verdicts]

    assert [[True, cost], [True, 0], [False, 0]] == with_storage(use)


def test_what_costs_more_than_the_limit_is_never_granted() -> None:
    """And waits a window, for want of anything better to say."""

    async def use(storage: RedisStorage) -> Verdict:
        return await storage.take([Demand("bucket", 2, 60, 3)])

    verdict = with_storage(use)

    assert not verdict.granted
    assert 60 == verdict.standings[0].wait


def test_entries_that_left_the_window_are_cut_off() -> None:
    """However many there are."""

    async def use(storage: RedisStorage) -> list[Any]:
        many, one = Demand("bucket", 5_000, 1, 4_000), Demand("bucket", 5_000, 1, 1)
        await storage.take([many])
        await anyio.sleep(0.6)
        kept = await storage.take([one])
        await anyio.sleep(0.6)
        cut = await storage.take([one])
        return [kept.standings[0].remaining, cut.standings[0].remaining]

    assert [999, 4_998] == with_storage(use)


def test_a_clock_that_was_set_back_grants_nothing_extra() -> None:
    """Entries of the future count until they have left."""

    async def use(storage: RedisStorage) -> list[bool]:
        demand = Demand("bucket", 2, 60, 1)
        await storage.take([demand])
        key = f"{storage._prefix}:bucket"
        with Redis.from_url(URL) as client:
            future = int(str(client.time()[0])) + 30
            client.lpush(key, future * 1_000_000)
        return [(await storage.take([demand])).granted for _ in range(2)]

    assert [False, False] == with_storage(use)


def test_in_a_cluster_buckets_are_asked_one_by_one() -> None:
    """They lie on several machines; the answer has the same form."""

    async def use(storage: RedisStorage) -> list[Verdict]:
        storage._one_by_one = True
        demands = [Demand("a", 2, 60, 1), Demand("b", 1, 60, 1), Demand("c", 1, 60, 1)]
        return [await storage.take(demands) for _ in range(2)]

    granted, refused = with_storage(use)

    assert (True, 3) == (granted.granted, len(granted.standings))
    assert (False, 2) == (refused.granted, len(refused.standings))


def test_a_server_out_of_memory_is_not_taken_for_well() -> None:
    """Whatever it was asked before: a script that has written once may go on (7.0)."""

    async def ask(url: str, client: Redis) -> None:
        storage = RedisStorage(url, prefix="steadfast", timeout=5)
        await storage.check()
        await anyio.sleep(1.05)  # until that has left its window
        client.config_set("maxmemory", "1kb")
        with pytest.raises(OutOfMemoryError):
            await storage.check()
        await storage.close()

    with OwnRedis() as server, server.client() as client:
        anyio.run(ask, server.url, client)


def test_memory_and_redis_decide_alike() -> None:
    """The same demands in the same order, drawn by lot."""
    dice = random.Random(7)
    demands = [
        [
            Demand(
                f"bucket-{dice.randrange(3)}-{amount}", amount, 60, dice.randint(1, 3)
            )
            for amount in dice.sample(range(2, 30), dice.randint(1, 3))
        ]
        for _ in range(150)
    ]

    async def use(storage: RedisStorage) -> list[Any]:
        return [await storage.take(asked) for asked in demands]

    memory = MemoryStorage()

    def told(verdict: Verdict) -> Any:
        return verdict.granted, [one.remaining for one in verdict.standings]

    assert [told(memory.take(asked)) for asked in demands] == [
        told(verdict) for verdict in with_storage(use)
    ]

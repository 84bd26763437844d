"""The storage in Redis: bounded, shared, and no search over keys."""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
import redis.asyncio

from steadfastapi.health import (
    AlertRecord,
    MemoryStorage,
    ProbeResult,
    ProbeStatus,
    ProbeStorage,
    RedisStorage,
)
from steadfastapi.testing import internal_errors
from support.health import KEY, WITH_KEY, Dial, ask, running, until, with_health
from support.redis import OwnRedis

pytestmark = pytest.mark.anyio


@pytest.fixture
def server() -> Any:
    """A server of the test's own."""
    with OwnRedis() as started:
        yield started


@pytest.fixture
async def kept(server: OwnRedis) -> AsyncIterator[RedisStorage]:
    """A storage of small size."""
    storage = RedisStorage(server.url, history=3, alerts=2)
    yield storage
    await storage.aclose()


def result(name: str, number: int = 0, **more: Any) -> ProbeResult:
    """Return a result that can be told from others."""
    return ProbeResult(name=name, status=ProbeStatus.HEALTHY, latency_ms=number, **more)


async def test_results_and_changes_are_kept_in_order(kept: RedisStorage) -> None:
    """The newest of them, with everything that they hold."""
    for number in range(5):
        one = result("a, b", number, tags=["x"], details={"n": number})
        await kept.set_latest(one)
        await kept.append_history(one)
        await kept.append_alert(
            AlertRecord(
                probe=f"p{number}",
                old_status=ProbeStatus.HEALTHY,
                new_status=ProbeStatus.UNHEALTHY,
                timestamp=datetime.now(UTC),
            )
        )
    await kept.set_latest(result("other"))
    history = await kept.get_history()

    assert isinstance(kept, ProbeStorage)
    assert one == await kept.get_latest("a, b")
    assert {"a, b": one, "other": result("other")} == await kept.get_all_latest()
    assert [2, 3, 4] == [found.latency_ms for found in history["a, b"]]
    assert [] == history["other"]
    assert ["p3", "p4"] == [found.probe for found in await kept.get_alerts()]
    assert None is await kept.get_latest("unknown")


async def test_every_key_ends_and_none_is_searched_for(
    kept: RedisStorage, server: OwnRedis
) -> None:
    """`KEYS` and `SCAN` walk over everybody's keys."""
    client = redis.asyncio.Redis.from_url(server.url)
    await kept.set_latest(result("a"))
    await kept.append_history(result("a"))
    await kept.set_maintenance(math.inf)
    await kept.claim_alert("a", "unhealthy", 60)
    await kept.get_history()
    await kept.get_all_latest()
    ttls = [await client.ttl(key) for key in await client.keys("*")]
    statistics = await client.info("commandstats")
    await client.aclose()

    assert 4 == len(ttls)
    assert all(ttl > 0 for ttl in ttls)
    assert 1 == statistics["cmdstat_keys"]["calls"]  # the test's own
    assert "cmdstat_scan" not in statistics


async def test_a_result_that_is_too_long_loses_its_details(kept: RedisStorage) -> None:
    """And stays a result."""
    await kept.set_latest(result("a", details={"long": "x" * 20_000}))
    await kept.set_latest(result("b", description="x" * 20_000))
    first, second = await kept.get_latest("a"), await kept.get_latest("b")

    assert first is not None
    assert second is not None
    assert {"_truncated": True} == first.details
    assert ("b", "healthy") == (second.name, second.status)


async def test_the_last_results_can_be_forgotten(kept: RedisStorage) -> None:
    """In the background, for the method is not async."""
    await kept.set_latest(result("a"))
    kept.clear_latest()
    await asyncio.gather(*kept._cleared)

    assert {} == await kept.get_all_latest()


async def test_one_of_many_replicas_claims_an_alert(server: OwnRedis) -> None:
    """Until it is another one, or time has passed."""
    replicas = [RedisStorage(server.url) for _ in range(8)]
    opened = await asyncio.gather(
        *(one.claim_alert("db", "unhealthy", 60) for one in replicas)
    )
    resolved = await asyncio.gather(
        *(one.claim_alert("db", "healthy", 60) for one in replicas)
    )
    always = await replicas[0].claim_alert("db", "healthy", 0)
    for one in replicas:
        await one.aclose()

    assert [1, 1, True] == [sum(opened), sum(resolved), always]


async def test_maintenance_is_seen_by_every_worker_within_two_seconds(
    server: OwnRedis,
) -> None:
    """Its begin and its end, at the usual pace."""
    one, first = with_health(storage=RedisStorage(server.url), api_key=KEY)
    two, second = with_health(storage=RedisStorage(server.url), api_key=KEY)
    async with running(one), running(two):
        started = time.monotonic()
        headers = [*WITH_KEY, ("content-type", "application/json")]
        path = "/health/maintenance"
        await ask(one, path, "POST", headers=headers, body=b'{"minutes": 30}')
        await until(lambda: second.phases.in_maintenance)
        began = time.monotonic() - started
        ends = [first.phases.ends, second.phases.ends]
        started = time.monotonic()
        second.clear_maintenance()  # by code, on the other one
        await until(lambda: not first.phases.in_maintenance)
        ended = time.monotonic() - started

    assert began < 2
    assert ended < 2.2
    assert ends[0] == ends[1]


async def test_a_storage_that_freezes_and_returns_fails_no_check(
    server: OwnRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readiness goes on meanwhile, and what was set is shared afterwards."""
    from steadfastapi.health import recorder

    monkeypatch.setattr(recorder, "TIMEOUT", 0.1)
    probe = Dial()
    app, handle = with_health(probe, storage=RedisStorage(server.url), check_every=0.05)
    other = RedisStorage(server.url)
    with internal_errors() as counted:
        async with running(app):
            await until(lambda: probe.checks >= 2)
            server.freeze()
            handle.set_maintenance()
            await until(lambda: counted["health.storage"])
            before = probe.checks
            await until(lambda: probe.checks > before + 3)
            state = await ask(app, "/health/ready")
            server.thaw()
            await until(lambda: not handle.maintenance._to_share)
            shared = await other.get_maintenance()
    await other.aclose()

    assert {"status": "maintenance"} == state.body
    assert math.inf == shared


async def test_an_applications_client_is_used_and_not_closed(
    server: OwnRedis,
) -> None:
    """It is the application's."""
    client = redis.asyncio.Redis.from_url(server.url)
    kept = RedisStorage(client=client, prefix="mine")
    await kept.set_latest(result("a"))
    await kept.aclose()
    keys = await client.keys("*")
    await client.aclose()

    assert [b"mine:latest"] == keys


async def test_a_late_answer_does_not_undo_what_changed_meanwhile() -> None:
    """It was asked for before maintenance was ended here."""
    late = asyncio.Event()

    class Late(MemoryStorage):
        async def set_maintenance(self, until: float | None) -> None:
            """Take it at once."""

        async def get_maintenance(self) -> float | None:
            """Say what was true long ago."""
            await late.wait()
            return math.inf

    _, handle = with_health(storage=Late())
    asking = asyncio.create_task(handle.maintenance.share())
    await asyncio.sleep(0)
    handle.clear_maintenance()
    await handle.maintenance.share()  # tells
    late.set()
    await asking

    assert not handle.phases.in_maintenance

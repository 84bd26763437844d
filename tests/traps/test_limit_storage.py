"""LIMIT-7, LIMIT-8, LIMIT-12 to LIMIT-15: where limits count."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import anyio
import pytest
from fastapi import FastAPI
from redis.asyncio import Redis

from steadfastapi import ConfigurationError, Limiter, Limits, by_header, configure
from steadfastapi.limits import redis as redis_module
from steadfastapi.limits.demands import Demand
from steadfastapi.limits.memory import MemoryStorage
from steadfastapi.limits.redis import RedisStorage
from steadfastapi.testing import capture
from support.asgi import call
from support.limited import (
    header,
    limited,
    running,
    statuses,
    until,
)
from support.redis import URL, OwnRedis, namespace

pytestmark = pytest.mark.usefixtures("slowapi_decides_nothing")


@pytest.fixture
def own_redis() -> Iterator[OwnRedis]:
    """A Redis to hurt."""
    with OwnRedis() as server:
        yield server


def shared(limiter: Limiter, server: OwnRedis, **settings: Any) -> FastAPI:
    """Return an application that counts in a Redis of the test's own."""
    app = FastAPI()
    app.get("/a")(limiter.limit("100/minute")(lambda: "ok"))
    app.get("/closed")(
        limiter.limit("100/minute", when_storage_fails="deny")(lambda: "ok")
    )
    app.get("/free")(lambda: "ok")
    return limited(app, limits=Limits(storage=server.url, **settings))


async def measured(app: FastAPI, path: str) -> tuple[int | None, float]:
    """Return a status, and the seconds until it was there."""
    began = time.perf_counter()
    result = await call(app, path=path)
    return result.status, time.perf_counter() - began


async def longest_lag(stop: asyncio.Event) -> float:
    """Return the longest time that the event loop did not come back."""
    worst = 0.0
    while not stop.is_set():
        began = time.perf_counter()
        await asyncio.sleep(0.001)
        worst = max(worst, time.perf_counter() - began - 0.001)
    return worst


def test_limit_7_a_frozen_redis_costs_a_decision_50_ms(
    own_redis: OwnRedis, limiter: Limiter
) -> None:
    """And the event loop nothing to speak of; after five failures, nobody."""
    app = shared(limiter, own_redis)

    async def run() -> tuple[list[tuple[int | None, float]], float]:
        async with running(app):
            await measured(app, "/a")
            own_redis.freeze()
            stop = asyncio.Event()
            lag = asyncio.create_task(longest_lag(stop))
            found = [await measured(app, "/a") for _ in range(10)]
            stop.set()
            own_redis.thaw()
            return found, await lag

    found, lag = anyio.run(run)

    assert [200] * 10 == [status for status, _ in found]
    assert max(seconds for _, seconds in found[:5]) <= 0.05 + 0.02
    assert max(seconds for _, seconds in found[5:]) <= 0.02
    assert lag <= 0.02


def test_limit_8_a_refused_redis_is_never_a_500(
    own_redis: OwnRedis, limiter: Limiter
) -> None:
    """Counted, answered from memory or with 503, and shared again within 5 s."""
    app = shared(limiter, own_redis)

    async def run() -> tuple[list[int | None], Any, float, float]:
        async with running(app):
            found = [(await call(app, path="/a")).status]
            own_redis.kill()
            found += [(await call(app, path="/a")).status for _ in range(6)]
            closed = await call(app, path="/closed")
            own_redis.start()
            down = app_down(app)
            seconds = await until(lambda: not app_down(app))
            found.append((await call(app, path="/closed")).status)
            return found, closed, down, seconds

    with capture(app) as seen:
        found, closed, down, seconds = anyio.run(run)

    assert [200] * 8 == found
    assert 503 == closed.status
    assert b'{"detail":"Service temporarily unavailable"}' == closed.body
    assert int(str(header(closed, "retry-after"))) >= 1
    assert down == 1
    assert seconds <= 5
    assert seen.metric("rate_limit_storage_errors_total") >= 5
    assert [0, 1, 6] == [
        seen.metric("rate_limit_decisions_total", handler=handler, decision=decision)
        for handler, decision in (
            ("/a", "denied"),
            ("/closed", "fail_closed"),
            ("/a", "fail_open"),
        )
    ]


def app_down(app: FastAPI) -> float:
    """Return what the gauge of the breaker says."""
    with capture(app) as seen:
        assert seen._stack is not None
        value = seen._stack.metrics.registry.get_sample_value(
            "rate_limit_fallback_active"
        )
    return value or 0.0


@pytest.mark.parametrize(
    ("environment", "workers", "settings", "problem"),
    [
        ("production", "4", {}, True),
        ("production", "4", {"allow_memory": True}, False),
        ("production", "4", {"storage": URL}, False),
        ("production", "1", {}, False),
        ("development", "4", {}, False),
    ],
)
def test_limit_12_several_workers_and_memory_stop_a_production_start(  # noqa: PLR0913, PLR0917
    environment: str,
    workers: str,
    settings: dict[str, Any],
    problem: bool,
    limiter: Limiter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With what to set; elsewhere it is a warning."""
    monkeypatch.setenv("ENVIRONMENT", environment)
    monkeypatch.setenv("WEB_CONCURRENCY", workers)
    app = FastAPI()
    app.get("/a")(limiter.limit("20/minute")(lambda: "ok"))
    keywords: Any = {"logs": False, "metrics": False, "tracing": False, "sentry": False}
    if problem:
        with pytest.raises(ConfigurationError, match="REDIS_URL"):
            configure(app, limits=Limits(**settings), **keywords)
        return
    stack = configure(app, limits=Limits(**settings), **keywords)

    warned = any("REDIS_URL" in sentence for sentence in stack.plan.warnings)
    assert (environment == "development") == warned


def test_limit_12_routes_that_come_after_configure_stop_the_start_too(
    limiter: Limiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the lifespan begins, the application is complete."""
    monkeypatch.setenv("ENVIRONMENT", "production")
    monkeypatch.setenv("WEB_CONCURRENCY", "4")
    app = limited(FastAPI(), metrics=False)
    app.get("/a")(limiter.limit("20/minute")(lambda: "ok"))

    with pytest.raises(ConfigurationError, match="REDIS_URL"):
        statuses(app, "/a")


def test_limit_13_the_window_moves() -> None:
    """A burst on both sides of any edge is one limit, not two."""
    now = [0.0]
    storage = MemoryStorage(clock=lambda: round(now[0] * 1e6))
    demand = Demand("bucket", amount=100, window=60, cost=1)
    accepted: list[float] = []
    for moment in (59.9, 60.1, 119.8, 119.95, 121):
        now[0] = moment
        verdicts = [storage.take([demand]) for _ in range(150)]
        accepted += [moment for verdict in verdicts if verdict.granted]
    windows = [
        sum(start <= moment < start + 60 for moment in accepted) for start in accepted
    ]

    assert 100 == accepted.count(59.9)
    assert 0 == accepted.count(60.1)
    assert 100 == max(windows)


def test_limit_14_the_clock_is_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker whose clock is a minute off gets nothing extra."""

    async def run(name: str) -> int:
        storage = RedisStorage(URL, prefix=f"steadfast:{name}", timeout=1)
        demand = Demand("bucket", amount=5, window=60, cost=1)
        granted = 0
        for skew in (0, 61, -61):
            real = time.time
            monkeypatch.setattr(time, "time", lambda: real() + skew)  # noqa: B023
            granted += sum([(await storage.take([demand])).granted for _ in range(10)])
            monkeypatch.undo()
        await storage.close()
        return granted

    with namespace() as name:
        assert 5 == anyio.run(run, name)
    assert "TIME" in redis_module._SCRIPT


def test_limit_15_keys_are_short_and_unambiguous() -> None:
    """A header of a megabyte is a key of less than 128 bytes, in Redis too."""
    app = FastAPI()
    limiter = Limiter(key_func=by_header("x-key"))
    app.get("/{path:path}")(limiter.limit("1/minute")(lambda path: "ok"))

    async def run(name: str) -> tuple[list[int | None], list[bytes]]:
        limited(app, limits=Limits(storage=URL, namespace=name))
        found = []
        async with running(app):
            for key in ("victim", "victim/", "v" * 1_000_000, "victim"):
                result = await call(app, path="/a/b", headers=[("x-key", key)])
                found.append(result.status)
        client = Redis.from_url(URL)
        keys = [key async for key in client.scan_iter(f"steadfast:{name}:*")]
        await client.aclose()
        return found, keys

    with namespace() as name:
        found, keys = anyio.run(run, name)

    assert [200, 200, 200, 429] == found
    assert max(map(len, keys)) <= 128

"""Functions that are watched, and how their calls are judged."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, HTTPException
from starlette.testclient import TestClient

from steadfastapi.health import PassiveProbe, ProbeStatus, RedisProbe, RouteProbe
from steadfastapi.testing import internal_errors


def judged(probe: PassiveProbe) -> tuple[str, str | None]:
    """Return status and error of a probe."""
    result = probe.judged()
    return result.status.value, result.error


def fill(probe: PassiveProbe, good: int, bad: int, seconds: float = 0.01) -> None:
    """Record calls."""
    for _ in range(good):
        probe.record(seconds)
    for _ in range(bad):
        probe.record(seconds, "ValueError")


def test_without_calls_there_is_nothing_to_say() -> None:
    """That is not unhealthy."""
    assert ("no_data", None) == judged(PassiveProbe("p"))


def test_an_error_rate_above_the_limit_is_unhealthy() -> None:
    """At the limit it is not; nor with too few calls to judge."""
    at, above, few = (PassiveProbe("p", max_error_rate=0.1) for _ in range(3))
    fill(at, 9, 1)
    fill(above, 8, 2)
    fill(few, 0, 4)

    assert ("healthy", None) == judged(at)
    assert ("unhealthy", "error rate 20.0% is above 10.0%") == judged(above)
    assert ("healthy", None) == judged(few)


def test_slow_calls_on_average_are_unhealthy() -> None:
    """As in fastapi-watch; slow ones are counted too."""
    probe = PassiveProbe("p", max_avg_rtt_ms=100, slow_call_threshold_ms=150)
    fill(probe, 5, 0, seconds=0.2)

    assert ("unhealthy", "200.0 ms on average is above 100 ms") == judged(probe)
    assert 5 == probe.traffic()["slow_calls"]


def test_the_figures_have_fastapi_watchs_names() -> None:
    """So that what reads them goes on reading."""
    probe = PassiveProbe("p")
    fill(probe, 3, 1)
    probe.record_cache_hit()
    probe.record_cache_miss()
    traffic = probe.traffic()

    assert {
        "call_count": 4,
        "error_count": 1,
        "error_rate": 0.25,
        "consecutive_errors": 1,
        "requests_per_minute": 4.0,
        "p50_rtt_ms": 10.0,
        "p95_rtt_ms": 10.0,
        "p99_rtt_ms": 10.0,
        "min_rtt_ms": 10.0,
        "max_rtt_ms": 10.0,
        "avg_rtt_ms": 10.0,
        "error_types": {"ValueError": 1},
        "cache_hits": 1,
        "cache_misses": 1,
    }.items() <= traffic.items()
    assert {"last_error_at", "last_success_at"} <= set(traffic)


def test_every_kind_of_function_is_watched_and_stays_what_it_is() -> None:
    """Sync, async, and generators of both kinds."""
    probe = PassiveProbe("p")

    @probe.watch
    def plain(a: int, *, b: int = 2) -> int:
        """Add."""
        return a + b

    @probe.watch
    async def coroutine(a: int) -> int:
        return a

    @probe.watch
    def generator(a: int) -> Iterator[int]:
        yield a
        yield a

    @probe.watch
    async def stream(a: int) -> AsyncIterator[int]:
        yield a
        yield a

    async def use() -> list[int]:
        return [await coroutine(1), *[item async for item in stream(2)]]

    assert [3, 1, 2, 2, 4, 4] == [plain(1), *asyncio.run(use()), *generator(4)]
    assert 4 == probe.window.total
    assert inspect.iscoroutinefunction(coroutine)
    assert inspect.isasyncgenfunction(stream)
    assert inspect.isgeneratorfunction(generator)
    assert ("plain", "Add.", ["a", "b"]) == (
        plain.__name__,
        plain.__doc__,
        list(inspect.signature(plain).parameters),
    )


def test_exceptions_pass_and_are_counted_once() -> None:
    """From every kind of function."""
    probe = PassiveProbe("p")

    @probe.watch
    def plain() -> None:
        raise KeyError("x")

    @probe.watch
    async def coroutine() -> None:
        raise KeyError("x")

    @probe.watch
    async def stream() -> AsyncIterator[int]:
        yield 1
        raise KeyError("x")

    async def read() -> None:
        async for _ in stream():
            pass

    for run in (plain, lambda: asyncio.run(coroutine()), lambda: asyncio.run(read())):
        with pytest.raises(KeyError):
            run()

    assert (3, {"KeyError": 3}) == (
        probe.window.total,
        probe.window.summary().error_types,
    )


def test_a_generator_that_is_left_early_or_raises_ends_as_before() -> None:
    """Leaving is no error; an exception thrown into it may be taken."""
    probe, seen = PassiveProbe("p"), []

    @probe.watch
    def generator() -> Iterator[int]:
        try:
            yield 1
            yield 2
        finally:
            seen.append("closed")

    @probe.watch
    def fails() -> Iterator[int]:
        yield 1
        raise KeyError("x")

    @probe.watch
    async def stream() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            seen.append("closed")

    @probe.watch
    async def takes() -> AsyncIterator[int]:
        try:
            yield 1
        except ValueError:
            yield 2

    async def use() -> int:
        opened: Any = stream()
        await anext(opened)
        await opened.aclose()
        other: Any = takes()
        await anext(other)
        return int(await other.athrow(ValueError("taken")))

    left: Any = generator()
    next(left)
    left.close()
    with pytest.raises(KeyError):
        list(fails())

    assert 2 == asyncio.run(use())
    assert ["closed", "closed"] == seen
    assert {"KeyError": 1} == probe.window.summary().error_types


def test_cancellation_says_nothing_of_what_was_called() -> None:
    """It passes at once, uncounted."""
    probe = PassiveProbe("p")

    @probe.watch
    async def hang() -> None:
        await asyncio.Event().wait()

    async def use() -> None:
        task = asyncio.create_task(hang())
        await asyncio.sleep(0)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(use())
    assert 0 == probe.window.total


@pytest.mark.parametrize("fails", [False, True])
def test_a_watched_dependency_cleans_up_as_before(*, fails: bool) -> None:
    """Exceptions are thrown into it, and it may take them."""
    app, probe, seen = FastAPI(), PassiveProbe("p"), []

    @probe.watch
    async def session() -> AsyncIterator[str]:
        try:
            yield "session"
        except ValueError:
            seen.append("rolled back")
            raise
        finally:
            seen.append("closed")

    @app.get("/")
    async def endpoint(got: Annotated[str, Depends(session)]) -> str:
        if fails:
            raise ValueError(got)
        return got

    client = TestClient(app, raise_server_exceptions=False)

    assert (500 if fails else 200) == client.get("/").status_code
    assert (["rolled back"] if fails else []) + ["closed"] == seen
    assert (1, int(fails)) == (probe.window.total, probe.window.total_errors)


def test_an_error_of_watching_never_reaches_the_caller() -> None:
    """It is an internal error, counted."""

    class Broken(PassiveProbe):
        def record(self, seconds: float, error: str = "", status: int = 0) -> None:
            raise RuntimeError("broken")

    probe = Broken("p")
    with internal_errors() as counted:
        assert 1 == probe.watch(lambda: 1)()

    assert {"health.watch": 1} == dict(counted)


def test_a_route_probe_watches_statuses() -> None:
    """A 404 is an answer; a 503 and a crash are errors."""
    app, probe = FastAPI(), RouteProbe("users", min_calls=1)

    @app.get("/{code}")
    @probe.watch
    async def endpoint(code: int) -> dict[str, int]:
        if code == 0:
            raise ValueError("crash")
        if code != 200:
            raise HTTPException(code)
        return {"code": code}

    client = TestClient(app, raise_server_exceptions=False)
    for code in (200, 404, 503, 0):
        client.get(f"/{code}")
    traffic = probe.traffic()

    assert {"2xx": 1, "4xx": 1, "5xx": 2} == traffic["status_distribution"]
    assert {"HTTPException": 1, "ValueError": 1} == traffic["error_types"]
    assert 500 == traffic["last_status_code"]
    assert "unhealthy" == judged(probe)[0]


def test_a_probe_without_address_watches_as_in_fastapi_watch() -> None:
    """`RedisProbe(name="cache")` asks nobody."""
    probe: Any = RedisProbe(name="cache", max_error_rate=0.05)
    fill(probe, 9, 1)

    assert probe.passive
    assert ProbeStatus.UNHEALTHY is asyncio.run(probe.check()).status

"""RT-9 to RT-12: what users, and people on call, see of retries and breakers."""

import asyncio
import functools
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import NullPool, text
from sqlalchemy.ext.asyncio import create_async_engine

from steadfastapi import (
    CircuitOpenError,
    RetryBudget,
    RetryRefused,
    circuit_breaker,
    configure,
    db_retry,
    http_retry,
    retry,
)
from steadfastapi.retries.breaker import CircuitBreaker
from steadfastapi.testing import capture, instant_retries
from support._tcp import HOST
from support.asgi import call
from support.faults import refused_port

pytestmark = pytest.mark.anyio

UNAVAILABLE = b'{"detail":"Service temporarily unavailable"}'


class FlakyError(Exception):
    """What is retried here."""


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


async def test_rt_9_exhausted_retries_are_a_503() -> None:
    """With the backend down: the exact body, no SQL, and the original error."""
    app = FastAPI()
    configure(app, logs=False)
    with refused_port() as port:
        engine = create_async_engine(
            f"postgresql+psycopg://root@{HOST}:{port}/secret", poolclass=NullPool
        )

        @app.get("/orders")
        @db_retry
        async def orders() -> None:
            async with engine.connect() as connection:
                await connection.execute(text("SELECT password FROM secrets"))

        with instant_retries():
            result = await call(app, path="/orders")
    assert (503, UNAVAILABLE) == (result.status, result.body)
    assert (b"retry-after", b"2") in result.headers
    assert "OperationalError" == type(result.exception).__name__


async def test_rt_9_an_open_breaker_is_a_503() -> None:
    """With the seconds until it lets calls through."""
    app = FastAPI()
    configure(app, logs=False)
    clock = Clock()
    breaker = CircuitBreaker("partner", clock=clock, open_for=17)

    @app.get("/quote")
    @breaker
    async def quote() -> None:
        raise ConnectionResetError

    statuses = [(await call(app, path="/quote")).status for _ in range(5)]
    clock.now += 3.5
    result = await call(app, path="/quote")
    assert [500] * 5 == statuses
    assert (503, UNAVAILABLE) == (result.status, result.body)
    assert (b"retry-after", b"14") in result.headers


async def test_rt_9_any_other_error_stays_a_500() -> None:
    """What no further attempt would change."""
    app = FastAPI()
    configure(app, logs=False)

    @app.get("/bug")
    @db_retry
    async def bug() -> None:
        raise KeyError

    assert 500 == (await call(app, path="/bug")).status


def generator() -> Iterator[int]:
    """Yield."""
    yield 1


async def async_generator() -> AsyncIterator[int]:
    """Yield."""
    yield 1


async def coroutine() -> int:
    """Return."""
    return 1


class Items:
    """An object that is called like a generator."""

    def __call__(self) -> Iterator[int]:
        """Yield."""
        yield 1


@pytest.mark.parametrize(
    "function",
    [
        generator,
        async_generator,
        functools.partial(generator),
        Items(),
        lambda: coroutine(),  # noqa: PLW0108 - the lambda is the point
        lambda: 1,
        Items,
        5,
    ],
)
@pytest.mark.parametrize("decorator", [db_retry, http_retry, retry(), circuit_breaker])
def test_rt_10_what_would_silently_not_be_retried_is_refused(
    decorator: Any, function: Any
) -> None:
    """When decorating, by a TypeError that says what to write."""
    with pytest.raises(TypeError) as caught:
        decorator(function)
    assert RetryRefused is caught.type


async def test_rt_10_a_sync_function_on_a_running_loop_is_refused() -> None:
    """It would stall the loop; in a thread it works."""

    @db_retry
    def work() -> int:
        return 1

    with pytest.raises(TypeError, match="running event loop"):
        work()
    with pytest.raises(TypeError, match="write `async for`"):
        list(db_retry.attempts())
    assert 1 == await asyncio.to_thread(work)


def test_rt_10_a_function_that_returns_a_coroutine_is_refused() -> None:
    """At the first call, since nothing tells before."""

    @db_retry
    def work() -> Any:
        return coroutine()

    with pytest.raises(TypeError, match="returned an awaitable"):
        work()


def fail(breaker: CircuitBreaker, times: int) -> None:
    """Fail in a breaker."""
    for _ in range(times):
        with pytest.raises(ConnectionError), breaker.block():
            raise ConnectionError


def state(breaker: CircuitBreaker) -> str:
    """Return its state."""
    return breaker.state


def work(breaker: CircuitBreaker, times: int) -> None:
    """Work in a breaker."""
    for _ in range(times):
        with breaker.block():
            pass


def test_rt_11_five_failures_in_a_row_open_the_breaker() -> None:
    """Not four, and not four after a success."""
    breaker = CircuitBreaker("b", clock=Clock())
    fail(breaker, 4)
    work(breaker, 1)
    fail(breaker, 4)
    assert "closed" == state(breaker)
    fail(breaker, 1)
    assert "open" == state(breaker)


def test_rt_11_half_of_twenty_calls_open_the_breaker() -> None:
    """With fewer calls, or fewer failures, it stays closed."""
    breaker = CircuitBreaker("b", clock=Clock())
    for _ in range(9):
        work(breaker, 1)
        fail(breaker, 1)
    assert "closed" == state(breaker)
    work(breaker, 1)
    fail(breaker, 1)
    assert "open" == state(breaker)
    rare = CircuitBreaker("rare", clock=Clock())
    for _ in range(100):
        work(rare, 2)
        fail(rare, 1)
    assert "closed" == state(rare)


def test_rt_11_an_open_breaker_fails_fast() -> None:
    """In less than a millisecond, on average of a hundred."""
    breaker = CircuitBreaker("b", clock=Clock())
    fail(breaker, 5)
    begin = time.perf_counter()
    for _ in range(100):
        with pytest.raises(CircuitOpenError), breaker.block():
            raise AssertionError("called")
    assert time.perf_counter() - begin <= 0.1


def test_rt_11_at_most_ten_probes_and_a_minute() -> None:
    """It opens for 5 s, then twice as long each time, up to 60 s."""
    clock = Clock()
    breaker = CircuitBreaker("b", clock=clock, probes=10)
    fail(breaker, 5)
    for seconds in (5, 10, 20, 40, 60, 60):
        clock.now += seconds - 0.001
        with pytest.raises(CircuitOpenError):
            breaker.before()
        clock.now += 0.001
        entries = [breaker.before() for _ in range(10)]
        with pytest.raises(CircuitOpenError):
            breaker.before()
        assert "half_open" == state(breaker)
        breaker.after(entries[0], ConnectionError())
        assert "open" == state(breaker)
    clock.now += 60
    work(breaker, 10)
    assert "closed" == state(breaker)


async def test_rt_12_every_event_is_counted() -> None:
    """Attempts by how they ended, exhausted calls, and those without budget."""
    app = FastAPI()
    configure(app)
    script = [
        FlakyError,
        FlakyError,
        None,
        FlakyError,
        FlakyError,
        FlakyError,
        KeyError,
    ]

    @retry(on=FlakyError, name="scripted")
    async def scripted() -> None:
        error = script.pop(0)
        if error is not None:
            raise error

    @retry(on=FlakyError, name="poor", budget=RetryBudget(0, minimum=1))
    async def poor() -> None:
        raise FlakyError

    @retry(on=FlakyError, name="late", deadline=0.01)
    async def late() -> None:
        await asyncio.sleep(60)

    with capture(app) as seen, instant_retries():
        await scripted()
        for function, error in (
            (scripted, FlakyError),
            (scripted, KeyError),
            (late, TimeoutError),
        ):
            with pytest.raises(error):
                await function()
        assert 0 == seen.metric("retry_budget_denied_total")
    with capture(app) as later:
        for _ in range(2):
            with pytest.raises(FlakyError):
                await poor()
    counted = {
        (operation, outcome): seen.metric(
            "retry_attempts_total", operation=operation, outcome=outcome
        )
        for operation in ("scripted", "late")
        for outcome in ("ok", "retry", "fail")
    }
    assert {
        ("scripted", "ok"): 1,
        ("scripted", "retry"): 4,
        ("scripted", "fail"): 2,
        ("late", "ok"): 0,
        ("late", "retry"): 0,
        ("late", "fail"): 1,
    } == counted
    exhausted = "retry_exhausted_total"
    assert 1 == seen.metric(exhausted, operation="scripted", reason="attempts")
    assert 1 == seen.metric(exhausted, operation="late", reason="deadline")
    assert 2 == seen.metric(exhausted)
    assert 2 == later.metric("retry_budget_denied_total", kind="custom")
    assert 1 == later.metric("retry_attempts_total", operation="poor", outcome="retry")


async def test_rt_12_the_state_of_a_breaker_is_a_gauge() -> None:
    """2 while it is open, also for metrics that were configured later."""
    breaker = CircuitBreaker("gauge", clock=Clock())
    app, later = FastAPI(), FastAPI()
    stack = configure(app)
    fail(breaker, 5)
    stacks = [stack, configure(later)]
    values = [
        one.metrics.registry.get_sample_value(
            "circuit_breaker_state", {"breaker": "gauge"}
        )
        for one in stacks
    ]
    assert [2, 2] == values


async def test_rt_12_http_calls_are_counted_as_such() -> None:
    """By the kind of the retry that made them."""
    app = FastAPI()
    configure(app)

    @http_retry(name="quote")
    async def quote() -> httpx.Response:
        with refused_port() as port:
            async with httpx.AsyncClient(verify=False) as client:
                return await client.get(f"http://{HOST}:{port}/")

    with capture(app) as seen, instant_retries(), pytest.raises(httpx.ConnectError):
        await quote()
    assert 2 == seen.metric(
        "retry_attempts_total", kind="http", operation="quote", outcome="retry"
    )

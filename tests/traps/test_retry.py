"""Traps RETRY-1 to RETRY-10: how retries fail to retry, or do harm."""

import asyncio
import functools
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import sqlalchemy.exc
from fastapi import FastAPI
from sqlalchemy import NullPool, text
from sqlalchemy.ext.asyncio import (
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.pool import AsyncAdaptedQueuePool

from steadfastapi import RetryBudget, RetryRefused, configure, db_retry, retry
from steadfastapi.retries import database
from steadfastapi.testing import capture, instant_retries
from support._tcp import HOST
from support.asgi import call
from support.faults import refused_port
from support.postgres import database as own_database
from support.proxy import FaultProxy

pytestmark = pytest.mark.anyio

PID = text("SELECT pg_backend_pid()")
INSERT = text("INSERT INTO effects VALUES (:id)")


class BusyError(Exception):
    """What is retried here."""


class Script:
    """Fails a number of times, then works."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.calls = 0

    def __call__(self) -> int:
        """Return the number of this call."""
        self.calls += 1
        if self.calls <= self.failures:
            raise BusyError(self.calls)
        return self.calls


def test_retry_1_generators_are_refused() -> None:
    """They would be called once, and never repeated."""

    def items() -> Iterator[int]:
        yield 1

    async def aitems() -> AsyncIterator[int]:
        yield 1

    for function in (items, aitems):
        with pytest.raises(RetryRefused, match="cannot repeat the generator"):
            retry(on=BusyError)(function)


async def test_retry_2_a_partial_is_retried_and_a_lambda_refused() -> None:
    """Never one silent attempt."""
    script = Script(2)

    async def work(_: str) -> int:
        return script()

    with pytest.raises(TypeError, match="lambda"):
        retry(on=BusyError)(lambda: work("a"))
    with instant_retries():
        assert 3 == await retry(on=BusyError)(functools.partial(work, "a"))()


async def test_retry_3_the_original_error_becomes_a_503() -> None:
    """Not `RetryError`, not an opaque 500, and no SQL in the body."""
    app = FastAPI()
    configure(app, logs=False)
    with refused_port() as port:
        engine = create_async_engine(
            f"postgresql+asyncpg://root@{HOST}:{port}/shop", poolclass=NullPool
        )

        @app.get("/")
        @db_retry
        async def query() -> None:
            async with engine.connect() as connection:
                await connection.execute(text("SELECT secret FROM cards"))

        with instant_retries():
            result = await call(app)
    assert ConnectionRefusedError is type(result.exception)
    assert 503 == result.status
    assert b'{"detail":"Service temporarily unavailable"}' == result.body
    assert [b"2"] == [value for name, value in result.headers if name == b"retry-after"]


def test_retry_4_three_attempts_with_waits_and_no_more() -> None:
    """Also nested; bare Tenacity goes on for ever, without waiting."""
    script = Script(100)
    waits: list[float] = []
    layer = retry(on=BusyError, sleep=waits.append)
    with pytest.raises(BusyError) as caught:
        layer(layer(layer(script)))()
    assert (3, 3) == (script.calls, caught.value.args[0])
    assert 2 == len(waits)
    assert 0 <= waits[0] <= 0.1
    assert 0 <= waits[1] <= 0.2


@pytest.mark.parametrize("on", [lambda _: True, Exception])
async def test_retry_5_cancellation_is_never_retried(on: Any) -> None:
    """One attempt, over in 50 ms, whatever the predicate says."""
    attempts = 0

    @retry(on=on)
    async def hang() -> None:
        nonlocal attempts
        attempts += 1
        await asyncio.sleep(60)

    task = asyncio.create_task(hang())
    await asyncio.sleep(0)
    begin = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - begin <= 0.05
    assert 1 == attempts
    with pytest.raises(TypeError, match="cancellation"):
        retry(on=BaseException)  # type: ignore[arg-type]


async def test_retry_5_a_cancelled_query_leaves_an_empty_pool() -> None:
    """Nothing checked out, and the query is gone from the server."""
    with own_database() as (url, admin):
        engine = create_async_engine(
            url.set(drivername="postgresql+asyncpg"), poolclass=AsyncAdaptedQueuePool
        )

        @db_retry
        async def slow() -> None:
            async with engine.connect() as connection:
                await connection.execute(text("SELECT pg_sleep(30)"))

        def sleeping(expected: int) -> None:
            count = (
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' "
                "AND datname = current_database()"
            )
            limit = time.monotonic() + 10
            while admin.run(count) != expected:
                assert time.monotonic() < limit
                time.sleep(0.01)

        task = asyncio.create_task(slow())
        await asyncio.to_thread(sleeping, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert 0 == engine.pool.checkedout()  # type: ignore[attr-defined]
        await asyncio.to_thread(sleeping, 0)
        await engine.dispose()


@pytest.mark.parametrize("driver", ["asyncpg", "psycopg"])
async def test_retry_6_each_attempt_is_a_fresh_unit_of_work(driver: str) -> None:
    """The backend is killed mid-transaction: the second succeeds, effect once."""
    with own_database() as (url, admin), instant_retries():
        engine = create_async_engine(url.set(drivername=f"postgresql+{driver}"))
        attempts = 0

        async def order(session: AsyncSession) -> None:
            nonlocal attempts
            attempts += 1
            await session.execute(INSERT, {"id": f"order {attempts // 3}"})
            if attempts % 3 == 1:
                admin.terminate((await session.scalar(PID)) or 0)
            await session.execute(text("SELECT 1"))

        await db_retry.unit_of_work(async_sessionmaker(engine))(order)()
        assert 2 == attempts
        assert 1 == admin.run("SELECT count(*) FROM effects")

        # What happens without: the session is of no use for ever after.
        async with AsyncSession(engine) as session:
            attempts = 3
            with pytest.raises(sqlalchemy.exc.DBAPIError):
                await order(session)
            with pytest.raises(sqlalchemy.exc.PendingRollbackError):
                await order(session)
        await engine.dispose()


def test_retry_7_class_alone_decides_nothing() -> None:
    """An OperationalError that is one, and one that is not; the rows are RT-1's."""

    class Driver(Exception):  # noqa: N818
        sqlstate = "40001"

    class Timeout(Driver):
        sqlstate = "57014"

    def wrapped(cause: Exception, kind: Callable[..., Exception]) -> Exception:
        return kind("SELECT 1", {}, cause)

    verdicts = {
        (kind.__name__, cause.__name__): database.judge(wrapped(cause(), kind))
        for kind in (sqlalchemy.exc.OperationalError, sqlalchemy.exc.DBAPIError)
        for cause in (Driver, Timeout)
    }
    assert {
        ("OperationalError", "Driver"): "safe",
        ("OperationalError", "Timeout"): "never",
        ("DBAPIError", "Driver"): "safe",
        ("DBAPIError", "Timeout"): "never",
    } == verdicts
    assert "never" == database.judge(sqlalchemy.exc.DisconnectionError())


@pytest.mark.parametrize("driver", ["asyncpg", "psycopg"])
async def test_retry_8_a_commit_in_doubt_is_not_repeated(driver: str) -> None:
    """The answer to COMMIT is lost: one attempt, one row, and the error."""
    with own_database() as (url, admin), instant_retries():
        admin.run("CREATE TABLE log (id text)")
        with FaultProxy(HOST, url.port or 5432) as proxy:
            place = url.set(
                drivername=f"postgresql+{driver}", host=HOST, port=proxy.port
            )
            engine = create_async_engine(place, poolclass=NullPool)
            attempts = 0

            @db_retry
            async def pay() -> None:
                nonlocal attempts
                attempts += 1
                async with AsyncSession(engine) as session:
                    await session.execute(text("INSERT INTO log VALUES ('paid')"))
                    proxy.cut_after(0, "down")
                    await session.commit()

            with pytest.raises(sqlalchemy.exc.DBAPIError):
                await pay()
        assert (1, 1) == (attempts, admin.run("SELECT count(*) FROM log"))


async def test_retry_9_the_loop_does_not_stall_and_the_deadline_holds() -> None:
    """A sync function is refused on the loop; a hanging attempt ends in time."""

    @retry(on=BusyError)
    def blocking() -> None:
        time.sleep(1)

    with pytest.raises(RetryRefused, match="running event loop"):
        blocking()

    @retry(on=BusyError, deadline=0.2)
    async def hang() -> None:
        await asyncio.sleep(2)

    begin = time.monotonic()
    with pytest.raises(TimeoutError):
        await hang()
    assert time.monotonic() - begin <= 0.25


async def test_retry_10_a_retry_storm_is_seen() -> None:
    """Exact counters, and one log line a retry."""
    app = FastAPI()
    configure(app)
    retried = retry(on=BusyError, name="storm", budget=RetryBudget(0, minimum=7))

    @app.get("/")
    @retried
    async def storm() -> None:
        raise BusyError("a secret of 4 calls")

    with capture(app) as seen:
        statuses = [(await call(app)).status for _ in range(5)]
        attempts = {
            outcome: seen.metric("retry_attempts_total", outcome=outcome)
            for outcome in ("ok", "retry", "fail")
        }
        lines = seen.events("attempt failed; retrying")
        given_up = seen.events("attempt failed; giving up")
        assert [503] * 5 == statuses
        assert {"ok": 0, "retry": 7, "fail": 5} == attempts
        assert 3 == seen.metric("retry_exhausted_total", reason="attempts")
        assert 2 == seen.metric("retry_budget_denied_total", kind="custom")
    assert (7, 5) == (len(lines), len(given_up))
    assert ("storm", 1, "BusyError") == tuple(
        lines[0][field] for field in ("operation", "attempt", "error_type")
    )
    assert not any("secret" in str(line) for line in lines + given_up)

"""RT-2, RT-3, RT-5: what retries do to transactions, on a real server."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import LiteralString
from uuid import uuid4

import pytest
from sqlalchemy import URL, NullPool, create_engine, text
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import AsyncAdaptedQueuePool

from steadfastapi import db_retry
from support._tcp import HOST
from support.postgres import Admin
from support.proxy import Direction, FaultProxy

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("instant")]

each_driver = pytest.mark.parametrize("driver", ["asyncpg", "psycopg"])
PID = text("SELECT pg_backend_pid()")
INSERT = text("INSERT INTO effects VALUES (:id)")
LOG = text("INSERT INTO log VALUES (:id)")
STEPS = 12
"""Of a conversation of less than a kilobyte in each direction."""


@asynccontextmanager
async def engine_of(
    url: URL, driver: str, **options: object
) -> AsyncIterator[AsyncEngine]:
    """An engine with a pool, as applications have."""
    engine = create_async_engine(url.set(drivername=f"postgresql+{driver}"), **options)
    try:
        yield engine
    finally:
        await engine.dispose()


def rows(admin: Admin) -> int:
    """Return how many effects there are."""
    return int(admin.run("SELECT count(*) FROM effects"))


@each_driver
async def test_rt_2_a_session_that_is_passed_in_is_rolled_back(
    driver: str, url: URL, admin: Admin
) -> None:
    """Its backend dies after the INSERT: the second attempt works, with one row."""
    attempts = 0

    @db_retry
    async def order(session: AsyncSession) -> None:
        nonlocal attempts
        attempts += 1
        await session.execute(INSERT, {"id": "order"})
        if attempts == 1:
            admin.terminate((await session.scalar(PID)) or 0)
        await session.execute(text("SELECT 1"))
        await session.commit()

    async with engine_of(url, driver) as engine, AsyncSession(engine) as session:
        await order(session)
        assert not session.in_transaction()
    assert (2, 1) == (attempts, rows(admin))


@each_driver
async def test_rt_2_a_unit_of_work_starts_afresh(
    driver: str, url: URL, admin: Admin
) -> None:
    """Each attempt has its own session, and the effect is there once."""
    async with engine_of(url, driver) as engine:
        sessions: list[AsyncSession] = []

        @db_retry.unit_of_work(async_sessionmaker(engine))
        async def order(session: AsyncSession, name: str) -> str:
            sessions.append(session)
            await session.execute(INSERT, {"id": name})
            if len(sessions) == 1:
                admin.terminate((await session.scalar(PID)) or 0)
            await session.execute(text("SELECT 1"))
            return name

        assert "lamp" == await order("lamp")
    assert (2, 1) == (len({id(session) for session in sessions}), rows(admin))


@each_driver
async def test_rt_2_a_connection_that_is_passed_in_is_rolled_back(
    driver: str, url: URL, admin: Admin
) -> None:
    """A deadlock or lost backend leaves it usable for the next attempt."""
    attempts = 0

    @db_retry
    async def order(connection: AsyncConnection) -> None:
        nonlocal attempts
        attempts += 1
        await connection.execute(INSERT, {"id": "order"})
        if attempts == 1:
            admin.terminate((await connection.scalar(PID)) or 0)
        await connection.execute(text("SELECT 1"))
        await connection.commit()

    async with engine_of(url, driver) as engine, engine.connect() as connection:
        await order(connection)
    assert (2, 1) == (attempts, rows(admin))


def test_rt_2_sync_sessions_too(url: URL, admin: Admin) -> None:
    """Passed in, and as a unit of work."""
    engine = create_engine(url.set(drivername="postgresql+psycopg"))
    attempts = 0

    def work(session: Session, name: str) -> None:
        nonlocal attempts
        attempts += 1
        session.execute(INSERT, {"id": name})
        if attempts % 2:
            admin.terminate(session.scalar(PID) or 0)
        session.execute(text("SELECT 1"))

    @db_retry
    def passed(session: Session) -> None:
        work(session, "a")
        session.commit()

    with Session(engine) as session:
        passed(session)
    db_retry.unit_of_work(sessionmaker(engine))(work)("b")
    engine.dispose()
    assert (4, 2) == (attempts, rows(admin))


@each_driver
async def test_rt_2_what_the_caller_has_begun_is_not_lost(
    driver: str, url: URL, admin: Admin
) -> None:
    """A rollback would undo the caller's INSERT too: the error is raised instead."""
    attempts = 0

    @db_retry(idempotent=True)
    async def item(session: AsyncSession) -> None:
        nonlocal attempts
        attempts += 1
        await session.execute(text("SET LOCAL lock_timeout = '10ms'"))
        await session.execute(text("LOCK TABLE effects IN ACCESS EXCLUSIVE MODE"))

    async with engine_of(url, driver) as engine, AsyncSession(engine) as session:
        await session.execute(INSERT, {"id": "order"})
        async with engine.connect() as other:
            await other.execute(text("SELECT * FROM effects"))
            with pytest.raises(Exception, match="lock timeout"):
                await item(session)
    assert 1 == attempts


@each_driver
async def test_rt_4_a_silent_connection_ends_with_the_deadline(
    driver: str, url: URL
) -> None:
    """Its driver's clean-up included, which by itself takes seconds."""
    with FaultProxy(HOST, url.port or 5432) as proxy:
        async with engine_of(through(proxy, url, driver), driver) as engine:

            @db_retry(deadline=0.4)
            async def query() -> None:
                async with engine.connect() as connection:
                    await connection.execute(text("SELECT 1"))
                    proxy.black_hole()
                    await connection.execute(text("SELECT 1"))

            begin = time.monotonic()
            with pytest.raises(TimeoutError, match="deadline"):
                await query()
            assert time.monotonic() - begin <= 0.45
            assert 0 == engine.pool.checkedout()  # type: ignore[attr-defined]


def through(proxy: FaultProxy, url: URL, driver: str) -> URL:
    """Return the address of a database by way of a proxy, in the clear."""
    key, value = ("sslmode", "disable") if driver == "psycopg" else ("ssl", "disable")
    return url.set(
        host=HOST, port=proxy.port, drivername=f"postgresql+{driver}"
    ).update_query_dict({key: value})


async def transfer(
    url: URL, driver: str, name: str, *, idempotent: bool = False
) -> bool:
    """Write one row in a unit of work; return whether that was reported as done."""
    engine = create_async_engine(
        url.set(drivername=f"postgresql+{driver}"), poolclass=NullPool
    )

    @db_retry.unit_of_work(async_sessionmaker(engine))
    async def write(session: AsyncSession) -> None:
        await session.execute(LOG, {"id": name})

    try:
        await (write.retry_with(idempotent=True) if idempotent else write)()
    except Exception:
        return False
    return True


async def cuts(url: URL, admin: Admin, driver: str) -> set[tuple[int, bool]]:
    """Cut a write at places all over its conversation; return rows and outcomes."""
    admin.run("CREATE TABLE IF NOT EXISTS log (id text)")  # nothing forbids duplicates
    results = set()
    with FaultProxy(HOST, url.port or 5432) as proxy:
        place = through(proxy, url, driver)
        assert await transfer(place, driver, uuid4().hex)
        length = dict(proxy.passed)
        directions: tuple[Direction, ...] = ("up", "down")
        for direction in directions:
            for step in range(STEPS):
                name = uuid4().hex
                place_of_cut = (step + random.random()) / STEPS
                proxy.cut_after(int(length[direction] * place_of_cut), direction)
                done = await transfer(place, driver, name)
                proxy.heal()
                count = admin.run("SELECT count(*) FROM log WHERE id = %s", name)
                results.add((int(count), done))
    return results


@each_driver
async def test_rt_3_a_cut_anywhere_writes_nothing_twice(
    driver: str, url: URL, admin: Admin
) -> None:
    """What was reported as done is there once; what was not, at most once."""
    found = await cuts(url, admin, driver)
    assert found <= {(1, True), (0, False), (1, False)}
    assert (1, True) in found


@pytest.mark.soak
@each_driver
async def test_rt_3_a_hundred_cuts_at_each_step_write_nothing_twice(
    driver: str, url: URL, admin: Admin
) -> None:
    """Within each step at a place of its own each time."""
    for _ in range(100):
        found = await cuts(url, admin, driver)
        assert found <= {(1, True), (0, False), (1, False)}


@each_driver
async def test_rt_3_a_commit_in_doubt_is_not_repeated(
    driver: str, url: URL, admin: Admin
) -> None:
    """The server has committed, and the answer is lost: one attempt, one row."""
    admin.run("CREATE TABLE IF NOT EXISTS log (id text)")
    with FaultProxy(HOST, url.port or 5432) as proxy:
        place = through(proxy, url, driver)
        found = {}
        for idempotent in (False, True):
            attempts, name = 0, uuid4().hex
            engine = create_async_engine(place, poolclass=NullPool)

            @db_retry(idempotent=idempotent)
            async def write(engine: AsyncEngine = engine, name: str = name) -> None:
                nonlocal attempts
                attempts += 1
                async with AsyncSession(engine) as session:
                    await session.execute(LOG, {"id": name})
                    if attempts == 1:
                        proxy.cut_after(0, "down")  # the next answer is COMMIT's
                    await session.commit()

            try:
                await write()
            except Exception:
                assert not idempotent
            count = admin.run("SELECT count(*) FROM log WHERE id = %s", name)
            found[idempotent] = (attempts, count)
    assert {False: (1, 1), True: (2, 2)} == found


@each_driver
async def test_rt_3_what_was_committed_before_is_not_done_again(
    driver: str, url: URL, admin: Admin
) -> None:
    """The second transaction of a function fails: the first would be there twice."""
    attempts = 0

    async with engine_of(url, driver) as engine:

        @db_retry
        async def two() -> None:
            nonlocal attempts
            attempts += 1
            async with engine.begin() as connection:
                await connection.execute(INSERT, {"id": f"first {attempts}"})
            async with engine.begin() as connection:
                admin.terminate((await connection.scalar(PID)) or 0)
                await connection.execute(text("SELECT 1"))

        with pytest.raises(Exception, match=r"."):
            await two()
    assert (1, 1) == (attempts, rows(admin))


@each_driver
async def test_rt_5_cancellation_leaves_nothing_behind(
    driver: str, url: URL, admin: Admin
) -> None:
    """20 queries are cancelled: one attempt each, an empty pool, an idle server."""
    attempts = 0

    async with engine_of(
        url, driver, poolclass=AsyncAdaptedQueuePool, pool_size=20
    ) as engine:

        @db_retry
        async def slow() -> None:
            nonlocal attempts
            attempts += 1
            async with engine.connect() as connection:
                await connection.execute(text("SELECT pg_sleep(30)"))

        tasks = [asyncio.create_task(slow()) for _ in range(20)]
        await asyncio.to_thread(until_sleeping, admin, 20)
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert [asyncio.CancelledError] * 20 == [type(one) for one in ended]
        assert 0 == engine.pool.checkedout()  # type: ignore[attr-defined]
        await asyncio.to_thread(until_sleeping, admin, 0)
    assert 20 == attempts


def until_sleeping(admin: Admin, expected: int) -> None:
    """Wait until that many backends sleep in this database."""
    query: LiteralString = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE wait_event = 'PgSleep' AND datname = current_database()"
    )
    limit = time.monotonic() + 10
    while (count := admin.run(query)) != expected:
        assert time.monotonic() < limit, f"{count} backends sleep"
        time.sleep(0.01)

"""A session for each attempt."""

import inspect
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import (
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import Session, sessionmaker

from steadfastapi import RetryRefused, configure, db_retry
from support.asgi import call

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("instant")]

INSERT = text("INSERT INTO orders VALUES (:sku)")
Sessions = async_sessionmaker[AsyncSession]


@pytest.fixture
def sync_sessions(tmp_path: Path) -> Iterator[sessionmaker[Session]]:
    """Sessions of a new database, in sync code."""
    engine = create_engine(f"sqlite:///{tmp_path}/shop.db", connect_args={"timeout": 0})
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE orders (sku TEXT)"))
    yield sessionmaker(engine)
    engine.dispose()


@pytest.fixture
async def sessions(
    sync_sessions: sessionmaker[Session], tmp_path: Path
) -> AsyncIterator[Sessions]:
    """Sessions of the same database, in async code."""
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{tmp_path}/shop.db", connect_args={"timeout": 0}
    )
    yield async_sessionmaker(engine)
    await engine.dispose()


def stored(sync_sessions: sessionmaker[Session]) -> list[str]:
    """Return what was committed."""
    with sync_sessions() as session:
        return list(session.scalars(text("SELECT sku FROM orders ORDER BY sku")))


class Orders:
    """Methods that get a session."""

    async def add(self, sku: str, *, session: AsyncSession) -> str:
        """Add an order."""
        await session.execute(INSERT, {"sku": sku})
        return sku


async def test_the_session_takes_its_place_wherever_it_is(
    sessions: Sessions, sync_sessions: sessionmaker[Session]
) -> None:
    """First, by name, by keyword, in a method; callers leave it out."""
    unit = db_retry.unit_of_work(sessions)

    @unit
    async def first(db: AsyncSession, sku: str) -> None:
        await db.execute(INSERT, {"sku": sku})

    async def second(sku: str, session: AsyncSession, times: int = 1) -> None:
        for _ in range(times):
            await session.execute(INSERT, {"sku": sku})

    class Shop(Orders):
        place = unit(Orders.add)

    by_name: Any = unit(second)
    await first("a")
    await by_name("b")
    await by_name("c", 2)
    await by_name(sku="d", times=1)
    shop: Any = Shop()
    assert "e" == await shop.place("e")
    assert ["a", "b", "c", "c", "d", "e"] == stored(sync_sessions)
    assert "(sku: str, times: int = 1) -> None" == str(inspect.signature(by_name))


def test_sync_functions_get_a_sync_session(
    sync_sessions: sessionmaker[Session],
) -> None:
    """Committed at the end; not at all after an error."""

    @db_retry.unit_of_work(sync_sessions)
    def add(session: Session, sku: str) -> str:
        session.execute(INSERT, {"sku": sku})
        if sku == "bad":
            raise KeyError(sku)
        return sku

    assert "a" == add("a")
    with pytest.raises(KeyError):
        add("bad")
    assert ["a"] == stored(sync_sessions)


async def test_a_busy_database_is_met_by_a_fresh_session(
    sessions: Sessions, sync_sessions: sessionmaker[Session]
) -> None:
    """What the first attempt wrote is not there twice; its lock is over by then."""
    seen = []

    @db_retry.unit_of_work(sessions)
    async def add(session: AsyncSession) -> None:
        seen.append(session)
        with sync_sessions() as other:
            if len(seen) == 1:
                other.execute(text("BEGIN IMMEDIATE"))
            await session.execute(INSERT, {"sku": "a"})

    await add()
    assert (2, ["a"]) == (len(set(seen)), stored(sync_sessions))


async def test_an_endpoint_can_be_a_unit_of_work(
    sessions: Sessions, sync_sessions: sessionmaker[Session]
) -> None:
    """FastAPI sees the signature without the session; exhausted, it is a 503."""
    app = FastAPI()
    configure(app, logs=False)

    @app.post("/orders/{sku}")
    @db_retry.unit_of_work(sessions)
    async def create(session: AsyncSession, sku: str) -> dict[str, str]:
        await session.execute(INSERT, {"sku": sku})
        return {"sku": sku}

    assert b'{"sku":"lamp"}' == (await call(app, "POST", "/orders/lamp")).body
    with sync_sessions() as other:
        other.execute(text("BEGIN IMMEDIATE"))
        result = await call(app, "POST", "/orders/mug")
    assert (503, OperationalError) == (result.status, type(result.exception))
    assert ["lamp"] == stored(sync_sessions)


def test_a_function_without_a_place_for_it_is_refused() -> None:
    """When decorating; so is what cannot be retried."""

    async def nothing() -> None:
        """Take nothing."""

    with pytest.raises(RetryRefused, match="no parameter for the session"):
        db_retry.unit_of_work(sessionmaker())(nothing)
    with pytest.raises(RetryRefused, match="lambda"):
        db_retry.unit_of_work(sessionmaker())(lambda session: session)

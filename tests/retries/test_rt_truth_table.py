"""RT-1: the truth table of `db_retry`, each row provoked for real."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import URL, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from steadfastapi import db_retry
from support._tcp import HOST
from support.faults import refused_port
from support.outages import (
    ROWS,
    Place,
    Provoke,
    connected,
    pool_exhausted,
    refused,
    statement_timeout,
    too_many_connections,
    unique_violation,
    unknown_host,
    unknown_role,
)
from support.postgres import Admin, role

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("instant")]

DRIVERS = ("asyncpg", "psycopg")
TWICE, ONCE = 2, 1


def named(provoke: Provoke) -> str:
    """Return how a row is called."""
    return getattr(provoke, "__name__", "")


async def attempts_after(
    provoke: Callable[[], Awaitable[None]], *, idempotent: bool = False
) -> int:
    """Return how many attempts are made when the first one fails by `provoke`."""
    attempts = 0

    @db_retry(idempotent=idempotent)
    async def work() -> None:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            await provoke()

    try:
        await work()
    except Exception:
        assert attempts == 1
    return attempts


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("provoke", ROWS, ids=named)
async def test_rt_1_what_is_retried(
    provoke: Provoke, driver: str, url: URL, admin: Admin
) -> None:
    """In a transaction whose COMMIT was not sent, without `idempotent`."""
    place = Place(url, admin, driver)
    expected = TWICE if ROWS[provoke][0] else ONCE
    assert expected == await attempts_after(lambda: provoke(place, None))


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize(
    "provoke", [row for row, (_, write) in ROWS.items() if write == "unsent"], ids=named
)
async def test_rt_1_what_is_in_doubt_under_autocommit(
    provoke: Provoke, driver: str, url: URL, admin: Admin
) -> None:
    """Each statement may have counted: repeated only where that does no harm."""
    place = Place(url, admin, driver)

    async def fail() -> None:
        await provoke(place, "AUTOCOMMIT")

    assert ONCE == await attempts_after(fail)
    assert TWICE == await attempts_after(fail, idempotent=True)


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize(
    "provoke", [unique_violation, statement_timeout, pool_exhausted], ids=named
)
async def test_rt_1_no_is_no_for_idempotent_functions_too(
    provoke: Provoke, driver: str, url: URL, admin: Admin
) -> None:
    """The same would happen again."""
    place = Place(url, admin, driver)
    assert ONCE == await attempts_after(lambda: provoke(place, None), idempotent=True)


async def test_rt_1_command_timeout_is_in_doubt(url: URL, admin: Admin) -> None:
    """The raw TimeoutError of a query is not the one of connecting."""
    place = Place(url, admin, "asyncpg")

    async def fail() -> None:
        async with connected(place.url, command_timeout=0.02) as connection:
            await connection.execute(text("SELECT pg_sleep(5)"))

    assert ONCE == await attempts_after(fail)
    assert ONCE == await attempts_after(fail, idempotent=True)


async def test_rt_1_raw_errors_of_other_calls_are_not_the_databases() -> None:
    """Types that asyncpg raises while connecting mean something else elsewhere."""

    async def fail() -> None:
        with refused_port() as port:
            await asyncio.open_connection(HOST, port)

    assert ONCE == await attempts_after(fail)


@pytest.mark.parametrize(
    "provoke", [refused, unknown_host, too_many_connections, unknown_role], ids=named
)
async def test_rt_1_psycopg_connects_the_same_way_in_sync_code(
    provoke: Provoke, url: URL, admin: Admin
) -> None:
    """Its sync connection is another module."""
    name = f"missing_{uuid4().hex}"
    attempts = 0
    with role(admin, "CONNECTION LIMIT 0") as full, refused_port() as port:
        addresses: dict[Provoke, URL] = {
            refused: url.set(host=HOST, port=port),
            unknown_host: url.set(host="nowhere.invalid"),
            too_many_connections: url.set(username=full),
            unknown_role: url.set(username=name),
        }
        address = addresses[provoke].set(drivername="postgresql+psycopg")
        engine = create_engine(address, poolclass=NullPool)

        @db_retry
        def work() -> None:
            nonlocal attempts
            attempts += 1
            if attempts == 1:
                engine.connect()

        try:
            await asyncio.to_thread(work)
        except DBAPIError:
            assert attempts == 1
    assert (TWICE if ROWS[provoke][0] else ONCE) == attempts


SQLITE = {
    ("busy", "sqlite3"): TWICE,
    ("busy", "aiosqlite"): TWICE,
    ("full", "sqlite3"): ONCE,
    ("read-only", "sqlite3"): ONCE,
    ("cannot open", "sqlite3"): ONCE,
    ("constraint", "aiosqlite"): ONCE,
}


@pytest.mark.parametrize(("mode", "driver"), SQLITE)
async def test_rt_1_sqlite(mode: str, driver: str, tmp_path: Path) -> None:
    """BUSY passes; a full, read-only or missing file stays what it is."""
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE t (id TEXT PRIMARY KEY)")
        other.commit()
        if mode == "busy":
            other.execute("BEGIN IMMEDIATE")
        place = f"file:{path}?mode=ro&uri=true" if mode == "read-only" else str(path)
        if mode == "cannot open":
            place = str(tmp_path / "missing" / "shop.db")
        statements = ["INSERT INTO t VALUES (hex(randomblob(20000)))"]
        if mode == "full":
            statements.insert(0, "PRAGMA max_page_count = 3")
        if mode == "constraint":
            statements = ["INSERT INTO t VALUES ('a'), ('a')"]
        if driver == "sqlite3":
            attempts = await asyncio.to_thread(sqlite_attempts, place, statements)
        else:
            attempts = await attempts_after(lambda: aiosqlite_work(place, statements))
    other.close()
    assert SQLITE[mode, driver] == attempts


async def aiosqlite_work(place: str, statements: list[str]) -> None:
    """Execute on an async engine."""
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{place}", connect_args={"timeout": 0}, poolclass=NullPool
    )
    async with engine.begin() as connection:
        for statement in statements:
            await connection.execute(text(statement))


def sqlite_attempts(place: str, statements: list[str]) -> int:
    """Execute on a sync engine; return the attempts."""
    engine = create_engine(
        f"sqlite:///{place}", connect_args={"timeout": 0}, poolclass=NullPool
    )
    attempts = 0

    @db_retry
    def work() -> None:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            with engine.begin() as connection:
                for statement in statements:
                    connection.execute(text(statement))

    try:
        work()
    except DBAPIError:
        assert attempts == 1
    return attempts

"""Failures of PostgreSQL, each provoked for real: the rows of the truth table."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import psycopg
from sqlalchemy import URL, NullPool, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from support._tcp import HOST
from support.faults import BlackHole, ResetServer, refused_port
from support.postgres import Admin, Unready, role
from support.proxy import FaultProxy


class Place:
    """Where a fault is provoked, by which driver."""

    def __init__(self, url: URL, admin: Admin, driver: str) -> None:
        self.url = url.set(drivername=f"postgresql+{driver}")
        self.admin = admin
        self.driver = driver

    def at(self, port: int, host: str = HOST) -> URL:
        """Return the same database at another address."""
        query = (
            {"sslmode": "disable"} if self.driver == "psycopg" else {"ssl": "disable"}
        )
        return self.url.set(host=host, port=port).update_query_dict(query)

    @property
    def impatience(self) -> dict[str, Any]:
        """Arguments of the driver: the shortest time to connect."""
        # libpq's shortest is two seconds.
        return {"timeout": 0.1} if self.driver == "asyncpg" else {"connect_timeout": 2}


@asynccontextmanager
async def connected(
    url: URL, isolation: str | None = None, **arguments: Any
) -> AsyncIterator[AsyncConnection]:
    """A connection in a transaction, of an engine without a pool."""
    options = {} if isolation is None else {"isolation_level": isolation}
    engine = create_async_engine(
        url, poolclass=NullPool, connect_args=arguments, **options
    )
    async with engine.connect() as connection:
        yield connection
        await connection.commit()


async def pid_of(connection: AsyncConnection) -> int:
    """Return the process of a connection's backend."""
    return int(await connection.scalar(text("SELECT pg_backend_pid()")) or 0)


async def terminated_idle(place: Place, isolation: str | None) -> None:
    """A backend is terminated between two statements."""
    async with connected(place.url, isolation) as connection:
        place.admin.terminate(await pid_of(connection))
        await connection.execute(text("SELECT 1"))


async def terminated_in_query(place: Place, isolation: str | None) -> None:
    """A backend is terminated while it works."""
    async with connected(place.url, isolation) as connection:
        killer = place.admin.terminate_when_sleeping(await pid_of(connection))
        try:
            await connection.execute(text("SELECT pg_sleep(10)"))
        finally:
            killer.join()


async def serialization_failure(place: Place, _: str | None) -> None:
    """Somebody else has changed what was read."""
    place.admin.run("INSERT INTO effects VALUES ('s') ON CONFLICT DO NOTHING")
    async with connected(place.url, "REPEATABLE READ") as connection:
        await connection.execute(text("SELECT * FROM effects"))
        place.admin.run("UPDATE effects SET n = n + 1")
        await connection.execute(text("UPDATE effects SET n = n + 1"))


async def serialization_failure_at_commit(place: Place, _: str | None) -> None:
    """Two transactions are a cycle, which COMMIT finds out."""
    place.admin.run("INSERT INTO effects VALUES ('a'), ('b') ON CONFLICT DO NOTHING")
    with psycopg.connect(place.admin.address) as other:
        async with connected(place.url, "SERIALIZABLE") as mine:
            other.execute("SET default_transaction_isolation = 'serializable'")
            other.commit()
            await mine.execute(text("SELECT n FROM effects WHERE id = 'a'"))
            other.execute("SELECT n FROM effects WHERE id = 'b'")
            await mine.execute(text("UPDATE effects SET n = 1 WHERE id = 'b'"))
            other.execute("UPDATE effects SET n = 1 WHERE id = 'a'")
            other.commit()


async def deadlock(place: Place, _: str | None) -> None:
    """Two transactions wait for each other."""
    place.admin.run("INSERT INTO effects VALUES ('a'), ('b') ON CONFLICT DO NOTHING")
    lock = text("SELECT * FROM effects WHERE id = :id FOR UPDATE")
    async with connected(place.url) as mine:
        other = psycopg.connect(place.admin.address)
        # Whoever looks first is the victim.
        await mine.execute(text("SET deadlock_timeout = '50ms'"))
        other.execute("SET deadlock_timeout = '10s'")
        await mine.execute(lock, {"id": "a"})
        other.execute("SELECT * FROM effects WHERE id = 'b' FOR UPDATE")
        waiting = asyncio.create_task(
            asyncio.to_thread(
                other.execute, "SELECT * FROM effects WHERE id = 'a' FOR UPDATE"
            )
        )
        try:
            await mine.execute(lock, {"id": "b"})
        finally:
            await mine.rollback()
            await waiting
            other.close()


async def lock_timeout(place: Place, _: str | None) -> None:
    """A lock is not to be had in time."""
    place.admin.run("INSERT INTO effects VALUES ('l') ON CONFLICT DO NOTHING")
    with psycopg.connect(place.admin.address) as other:
        other.execute("SELECT * FROM effects FOR UPDATE")
        async with connected(place.url) as connection:
            await connection.execute(text("SET lock_timeout = '20ms'"))
            await connection.execute(text("SELECT * FROM effects FOR UPDATE"))


async def too_many_connections(place: Place, _: str | None) -> None:
    """An ordinary role has no connection left."""
    with role(place.admin, "CONNECTION LIMIT 0") as name:
        async with connected(place.url.set(username=name)):
            pass


async def refused(place: Place, _: str | None) -> None:
    """Nobody listens."""
    with refused_port() as port:
        async with connected(place.at(port)):
            pass


async def unknown_host(place: Place, _: str | None) -> None:
    """The name does not resolve."""
    async with connected(place.at(5432, "nowhere.invalid")):
        pass


async def statement_timeout(place: Place, _: str | None) -> None:
    """A query takes too long."""
    async with connected(place.url) as connection:
        await connection.execute(text("SET statement_timeout = '20ms'"))
        await connection.execute(text("SELECT pg_sleep(5)"))


async def unknown_role(place: Place, _: str | None) -> None:
    """There is no such user."""
    async with connected(place.url.set(username=uuid4().hex)):
        pass


async def unique_violation(place: Place, _: str | None) -> None:
    """It is there already."""
    async with connected(place.url) as connection:
        await connection.execute(text("INSERT INTO effects VALUES ('u'), ('u')"))


async def undefined_table(place: Place, _: str | None) -> None:
    """A mistake."""
    async with connected(place.url) as connection:
        await connection.execute(text("SELECT * FROM nothing"))


async def pool_exhausted(place: Place, _: str | None) -> None:
    """All connections of the pool are in use."""
    engine = create_async_engine(
        place.url,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=1,
        max_overflow=0,
        pool_timeout=0.02,
    )
    try:
        async with engine.connect(), engine.connect():
            pass
    finally:
        await engine.dispose()


async def starting_up(place: Place, _: str | None) -> None:
    """The server is not ready yet."""
    with Unready("57P03", "the database system is starting up") as server:
        async with connected(place.at(server.port)):
            pass


async def in_recovery(place: Place, _: str | None) -> None:
    """The server accepts nobody while it recovers."""
    message = "the database system is not yet accepting connections"
    with Unready("57P03", message) as server:
        async with connected(place.at(server.port)):
            pass


async def crashed(place: Place, isolation: str | None) -> None:
    """The connection is gone without a word."""
    with FaultProxy(HOST, place.url.port or 5432) as proxy:
        async with connected(place.at(proxy.port), isolation) as connection:
            await connection.execute(text("SELECT 1"))
            proxy.drop()
            await connection.execute(text("SELECT 1"))


async def idle_too_long(place: Place, isolation: str | None) -> None:
    """The server ends a transaction in which nothing happens."""
    async with connected(place.url, isolation) as connection:
        pid = await pid_of(connection)
        timeout = (
            "idle_session_timeout"
            if isolation
            else ("idle_in_transaction_session_timeout")
        )
        await connection.execute(text(f"SET {timeout} = '10ms'"))
        for _ in range(1_000):
            if not place.admin.run(
                "SELECT count(*) FROM pg_stat_activity WHERE pid = %s", pid
            ):
                break
            await asyncio.sleep(0.005)
        await connection.execute(text("SELECT 1"))


async def never_answered(place: Place, _: str | None) -> None:
    """The connection is accepted, and that is all."""
    with BlackHole() as hole:
        async with connected(place.at(hole.port), **place.impatience):
            pass


async def reset_on_connect(place: Place, _: str | None) -> None:
    """The connection is reset at once."""
    with ResetServer() as server:
        async with connected(place.at(server.port)):
            pass


async def database_missing(place: Place, _: str | None) -> None:
    """There is no such database."""
    async with connected(place.url.set(database=uuid4().hex)):
        pass


async def read_only(place: Place, _: str | None) -> None:
    """A standby takes no writes."""
    async with connected(place.url) as connection:
        await connection.execute(text("SET transaction_read_only = on"))
        await connection.execute(text("INSERT INTO effects VALUES ('r')"))


Provoke = Callable[[Place, str | None], Awaitable[None]]

CORE: dict[Provoke, tuple[bool, str]] = {
    terminated_idle: (True, "unsent"),
    terminated_in_query: (True, "unsent"),
    serialization_failure: (True, "yes"),
    deadlock: (True, "yes"),
    lock_timeout: (True, "yes"),
    too_many_connections: (True, "yes"),
    refused: (True, "yes"),
    unknown_host: (True, "yes"),
    statement_timeout: (False, "no"),
    unknown_role: (False, "no"),
    unique_violation: (False, "no"),
    undefined_table: (False, "no"),
    pool_exhausted: (False, "no"),
}
EXTENSION: dict[Provoke, tuple[bool, str]] = {
    serialization_failure_at_commit: (True, "yes"),
    starting_up: (True, "yes"),
    in_recovery: (True, "yes"),
    crashed: (True, "unsent"),
    idle_too_long: (True, "unsent"),
    never_answered: (True, "yes"),
    reset_on_connect: (True, "yes"),
    database_missing: (False, "no"),
    read_only: (False, "no"),
}
ROWS = CORE | EXTENSION

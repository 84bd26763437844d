"""The inbox in PostgreSQL, shared by all machines: asyncpg, in a loop of its own."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import urlsplit

import asyncpg  # type: ignore[import-untyped]

from steadfastapi.exceptions import StoreError
from steadfastapi.inbox import postgres_read, postgres_write
from steadfastapi.inbox.loop_thread import LoopThread
from steadfastapi.inbox.schema import migrations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steadfastapi.inbox.entry import Entry
    from steadfastapi.inbox.query import Page, Query, State
    from steadfastapi.inbox.store import Batch, Change, Issue

P = ParamSpec("P")
T = TypeVar("T")

Work = Callable[Concatenate[Any, P], Awaitable[T]]

SCHEMA = "steadfast_inbox"
"""Of our tables: nothing in the application's own schema."""
TIMEOUT = 5.0
"""Seconds for connecting, and for one statement."""
DEADLINE_FACTOR = 3.0
"""Timeouts that everything takes together which one call does."""
MAX_CONNECTIONS = 4
_LOCK = 0x53544459
"""Advisory lock of migrations and pruning: one worker at a time."""
_REFUSALS = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.exceptions.ProgramLimitExceededError,
)
_FAILURES = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # of a connection that dies just then (0.32)
    OSError,
)
_left_behind: list[Any] = []
"""Pools of a parent process; to close one in a child would end the parent's."""


class PostgresStore:
    """Keeps the inbox in a schema of its own in a PostgreSQL database.

    Args:
        url: `postgresql://user:password@host:5432/database`, as asyncpg takes it. The
            role needs the right to create the schema `steadfast_inbox`, or to use it.
        timeout: Seconds for connecting, and for one statement.
    """

    def __init__(self, url: str, *, timeout: float = TIMEOUT) -> None:
        self._url = url
        self._timeout = timeout
        self._opening = asyncio.Lock()
        self._loop = LoopThread("steadfastapi-inbox-postgres")
        self._pool: Any = None
        self._pid = os.getpid()

    def open(self) -> None:
        """Connect, and bring the schema up to date."""
        self._run(self._opened())

    def write(self, batch: Batch) -> list[Change]:
        """Keep entries and count their issues in one transaction."""
        return self._in_transaction(postgres_write.write, batch)

    def issues(self, query: Query, *, now: float | None = None) -> Page[Issue]:
        """Return issues."""
        return self._ask(postgres_read.issues, query, now or time.time())

    def issue(self, identity: str, *, now: float | None = None) -> Issue | None:
        """Return one issue."""
        return self._ask(postgres_read.issue, identity, now or time.time())

    def entries(self, query: Query) -> Page[Entry]:
        """Return entries, newest first."""
        return self._ask(postgres_read.entries, query)

    def entry(self, identity: str) -> Entry | None:
        """Return one entry."""
        return self._ask(postgres_read.entry, identity)

    def set_state(
        self, identities: Sequence[str], state: State, *, release: str | None = None
    ) -> int:
        """Change the state of issues; return how many there were."""
        mended = release if state == "resolved" else None
        return self._in_transaction(
            postgres_write.set_state, list(identities), state, mended
        )

    def prune(self, *, before: float, keep: int, keep_each: int) -> int:
        """Delete old entries, and issues that were not seen since."""
        return self._in_transaction(
            postgres_write.prune, _LOCK, before, keep, keep_each
        )

    def claim(self, key: str, seconds: float) -> bool:
        """Return True to the first that asks for `key`, until it expires."""
        return self._in_transaction(postgres_write.claim, key, seconds)

    def close(self) -> None:
        """Close all connections."""
        pool, self._pool = self._pool, None
        if pool is not None and self._pid == os.getpid():
            with suppress(Exception):
                self._loop.run(_closed(pool), TIMEOUT)
        self._loop.stop()

    def __repr__(self) -> str:
        parts = urlsplit(self._url)
        return f"PostgresStore({parts.hostname or ''!r}, {parts.path[1:]!r})"

    async def _opened(self) -> Any:
        if self._pid != os.getpid():
            _left_behind.append(self._pool)
            self._pool = None
            self._opening = asyncio.Lock()
            self._pid = os.getpid()
        async with self._opening:
            if self._pool is None:
                self._pool = await self._connected()
            return self._pool

    async def _connected(self) -> Any:
        pool = await asyncpg.create_pool(
            self._url,
            min_size=0,
            max_size=MAX_CONNECTIONS,
            timeout=self._timeout,
            command_timeout=self._timeout,
            server_settings={
                "search_path": SCHEMA,
                "application_name": "steadfastapi-inbox",
            },
        )
        try:
            async with pool.acquire() as connection, connection.transaction():
                await _migrate(connection)
        except BaseException:
            pool.terminate()
            raise
        return pool

    def _ask(self, work: Work[P, T], *args: P.args, **named: P.kwargs) -> T:
        async def ask() -> T:
            pool = await self._opened()
            async with pool.acquire(timeout=self._timeout) as connection:
                return await work(connection, *args, **named)

        return self._run(ask())

    def _in_transaction(self, work: Work[P, T], *args: P.args, **named: P.kwargs) -> T:
        async def transact() -> T:
            pool = await self._opened()
            async with (
                pool.acquire(timeout=self._timeout) as connection,
                connection.transaction(),
            ):
                return await work(connection, *args, **named)

        return self._run(transact())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine; raise whatever goes wrong as a `StoreError`."""
        try:
            return self._loop.run(work, DEADLINE_FACTOR * self._timeout)
        except _REFUSALS as error:
            raise StoreError(_said(error), refused=True) from error
        except TimeoutError as error:
            raise StoreError("PostgreSQL does not answer") from error
        except _FAILURES as error:
            raise StoreError(_said(error)) from error
        except ValueError as error:  # an address that asyncpg cannot read
            raise StoreError("the address of PostgreSQL is wrong") from error


def _said(error: Exception) -> str:
    return f"PostgreSQL: {type(error).__name__}: {str(error)[:300]}"


async def _closed(pool: Any) -> None:
    pool.terminate()


async def _migrate(connection: Any) -> None:
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
    if await connection.fetchval("SELECT to_regnamespace($1) IS NULL", SCHEMA):
        await connection.execute(f"CREATE SCHEMA {SCHEMA}")
    await connection.execute(
        f"CREATE TABLE IF NOT EXISTS {SCHEMA}.migrations (version int PRIMARY KEY)"
    )
    version = await connection.fetchval(
        f"SELECT coalesce(max(version), 0) FROM {SCHEMA}.migrations"  # noqa: S608
    )
    scripts = migrations("postgres")
    if version > len(scripts):
        raise StoreError(
            f"the schema {SCHEMA} has version {version}, and this version of "
            f"steadfastapi knows {len(scripts)}: it was written by a newer one."
        )
    for number, script in enumerate(scripts[version:], version + 1):
        await connection.execute(script)
        await connection.execute("INSERT INTO migrations VALUES ($1)", number)

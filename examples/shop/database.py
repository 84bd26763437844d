"""The database: engine, tables, and one session per request."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Protocol

import anyio
from fastapi import Depends
from sqlalchemy import event
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from starlette.requests import HTTPConnection

from shop.models import Base
from shop.settings import Settings
from steadfastapi import Stack

Sessions = async_sessionmaker[AsyncSession]

# Several workers start at once, and only one of them may create the tables.
LOCK_SCHEMA = {
    "postgresql": "SELECT pg_advisory_xact_lock(7041)",
    "sqlite": "BEGIN IMMEDIATE",
}


class _Connection(Protocol):
    """The part of a DB-API connection that the pragmas need."""

    def execute(self, statement: str) -> object:
        """Run one statement."""


def _set_pragmas(connection: _Connection, _record: object) -> None:
    connection.execute("PRAGMA foreign_keys=ON")
    # Readers and the writer do not wait for each other.
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")


def _engine(settings: Settings) -> AsyncEngine:
    engine = create_async_engine(
        settings.sqlalchemy_url,
        # Seconds to connect (PostgreSQL) or to wait for another writer (SQLite).
        connect_args={"timeout": 5},
        pool_pre_ping=True,
    )
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "connect", _set_pragmas)
    return engine


async def _create_tables(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.exec_driver_sql(LOCK_SCHEMA[engine.dialect.name])
        await connection.run_sync(Base.metadata.create_all)


@asynccontextmanager
async def open_database(settings: Settings, stack: Stack) -> AsyncIterator[Sessions]:
    """Create what is missing, and hand out sessions until the application stops."""
    if settings.database_url is None:
        await anyio.Path(settings.data_dir).mkdir(0o700, parents=True, exist_ok=True)
    engine = _engine(settings)
    stack.watch_engine(engine)
    try:
        await _create_tables(engine)
        yield async_sessionmaker(engine, expire_on_commit=False)
    finally:
        await engine.dispose()


def get_sessions(connection: HTTPConnection) -> Sessions:
    """Return the session factory that the lifespan made."""
    sessions: Sessions = connection.app.state.sessions
    return sessions


SessionsDep = Annotated[Sessions, Depends(get_sessions)]


async def get_session(sessions: SessionsDep) -> AsyncIterator[AsyncSession]:
    """Open a session for one request; what is not committed is rolled back."""
    async with sessions() as session:
        yield session


SessionDep = Annotated[AsyncSession, Depends(get_session)]

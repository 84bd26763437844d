"""A database that fails once, as real ones do, for `/debug/hiccup`."""

from contextlib import AsyncExitStack

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shop.database import Sessions
from steadfastapi import db_retry


class Hiccup:
    """Fails the first attempt for real, and lets the second one pass.

    On SQLite another program holds the database's lock; on PostgreSQL the server
    ends the connection, as in a failover.
    """

    def __init__(self, sessions: Sessions) -> None:
        """Use a database."""
        self._sessions = sessions
        self.attempts = 0

    async def strike(self) -> int:
        """Return the number of attempts that it took."""
        async with AsyncExitStack() as other:
            await self._write(other)
        return self.attempts

    @db_retry
    async def _write(self, other: AsyncExitStack) -> None:
        self.attempts += 1
        async with self._sessions() as session:
            if self.attempts == 1:
                try:
                    await self._fail(session, other)
                finally:
                    await other.aclose()
            await session.execute(text("SELECT 1"))

    async def _fail(self, session: AsyncSession, other: AsyncExitStack) -> None:
        dialect = session.get_bind().dialect.name
        if dialect == "postgresql":
            await session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
            return
        holder = await other.enter_async_context(self._sessions())
        await holder.execute(text("BEGIN IMMEDIATE"))
        await session.execute(text("PRAGMA busy_timeout = 1"))
        try:
            await session.execute(text("BEGIN IMMEDIATE"))
        finally:
            await session.execute(text("PRAGMA busy_timeout = 5000"))

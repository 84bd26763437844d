"""PostgreSQL, and MySQL with MariaDB."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from steadfastapi.health.dependency import CLOSE_SECONDS, DependencyProbe

QUESTION = "SELECT 1"


class PostgreSQLProbe(DependencyProbe):
    """Asks a PostgreSQL server with `SELECT 1`.

    Args:
        name: Shown everywhere, unique in an application.
        url: `postgresql://user:password@host/database`; asked with asyncpg.
        client: A pool or connection of asyncpg, or psycopg's `AsyncConnectionPool`.
        **options: Those of `PassiveProbe`.
    """

    name = "postgresql"
    extra = "postgres"
    drivers = ("asyncpg",)
    schemes = ("postgresql", "postgres")

    async def connect(self) -> Any:
        """Connect with asyncpg."""
        import asyncpg  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra

        scheme, _, rest = str(self.url).strip().partition("://")
        return await asyncpg.connect(f"{scheme.partition('+')[0]}://{rest}")

    async def ask(self, connection: Any) -> dict[str, Any] | None:
        """Ask over a connection of asyncpg."""
        await connection.execute(QUESTION)
        return {"server_version": connection.get_settings().server_version}

    async def ask_client(self, client: Any) -> dict[str, Any] | None:
        """Ask through the application's pool."""
        if hasattr(client, "connection"):  # psycopg's
            async with client.connection() as connection:
                await connection.execute(QUESTION)
        else:
            await client.execute(QUESTION)
        return None

    async def disconnect(self, connection: Any) -> None:
        """Say goodbye, or hang up."""
        await connection.close(timeout=CLOSE_SECONDS)


class MySQLProbe(DependencyProbe):
    """Asks a MySQL or MariaDB server with a ping.

    Args:
        name: Shown everywhere, unique in an application.
        url: `mysql://user:password@host/database`, or `mariadb://…`;
            `?unix_socket=…` names a socket. Asked with aiomysql.
        client: A pool of aiomysql or asyncmy.
        **options: Those of `PassiveProbe`.
    """

    name = "mysql"
    extra = "mysql"
    drivers = ("aiomysql",)
    schemes = ("mysql", "mariadb")

    async def connect(self) -> Any:
        """Connect with aiomysql."""
        import aiomysql  # noqa: PLC0415 - an extra

        parts = urlsplit(str(self.url).strip())
        query = parse_qs(parts.query)
        return await aiomysql.connect(
            host=parts.hostname or "localhost",
            port=parts.port or 3306,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            db=unquote(parts.path.lstrip("/")) or None,
            unix_socket=query.get("unix_socket", [None])[0],
            autocommit=True,
        )

    async def ask(self, connection: Any) -> dict[str, Any] | None:
        """Ping over a connection of aiomysql."""
        await connection.ping(reconnect=False)
        return {"server_version": connection.get_server_info()}

    async def ask_client(self, client: Any) -> dict[str, Any] | None:
        """Ping through the application's pool."""
        async with client.acquire() as connection:
            await connection.ping(reconnect=False)
        return None

    async def disconnect(self, connection: Any) -> None:
        """Say goodbye, or hang up."""
        try:
            await connection.ensure_closed()
        finally:
            connection.close()

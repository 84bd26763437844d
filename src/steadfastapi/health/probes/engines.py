"""Whatever SQLAlchemy connects to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from steadfastapi.exceptions import ConfigurationError
from steadfastapi.health.dependency import DependencyProbe
from steadfastapi.health.threads import OwnThread

if TYPE_CHECKING:
    from steadfastapi.health.passive import WatchOptions

QUESTION = "SELECT 1"


class SQLAlchemyProbe(DependencyProbe):
    """Asks a database through SQLAlchemy with `SELECT 1`.

    Args:
        name: Shown everywhere, unique in an application.
        url: Address in SQLAlchemy's form; one connection of its own.
        engine: The application's engine, async or not; a check takes a connection
            from its pool, so that an exhausted pool shows too.
        client: The same.
        **options: Those of `PassiveProbe`.
    """

    name = "database"
    extra = "sqlalchemy"
    drivers = ("sqlalchemy",)

    def __init__(
        self,
        name: str | None = None,
        *,
        url: str | None = None,
        engine: Any = None,
        client: Any = None,
        **options: Unpack[WatchOptions],
    ) -> None:
        if engine is not None and client is not None:
            raise ConfigurationError(
                "SQLAlchemyProbe(engine=…, client=…): both are the engine; give one."
            )
        super().__init__(
            name, url=url, client=client if engine is None else engine, **options
        )
        self._thread = OwnThread(self.name)
        if url is not None:
            self._create()  # an unknown dialect or a missing driver shows now

    def parse(self, url: str) -> Any:
        """Return the address as SQLAlchemy reads it."""
        self.need(*self.drivers)
        from sqlalchemy.engine import make_url  # noqa: PLC0415 - an extra
        from sqlalchemy.exc import ArgumentError  # noqa: PLC0415

        try:
            return make_url(url)
        except ArgumentError:
            raise ConfigurationError(
                f"SQLAlchemyProbe(url=…) of {self.name!r} cannot be read; write "
                "something like 'postgresql+asyncpg://user:password@host/database'."
            ) from None

    def _create(self) -> Any:
        from sqlalchemy import create_engine  # noqa: PLC0415 - an extra
        from sqlalchemy.exc import ArgumentError, NoSuchModuleError  # noqa: PLC0415
        from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415
        from sqlalchemy.pool import NullPool, StaticPool  # noqa: PLC0415

        address = self.parse(str(self.url))
        try:
            is_async = address.get_dialect().is_async
            if is_async:
                return create_async_engine(address, poolclass=StaticPool)
            # Each check has a thread of its own, and some drivers mind (sqlite3).
            return create_engine(address, poolclass=NullPool)
        except (NoSuchModuleError, ArgumentError, ImportError) as error:
            raise ConfigurationError(
                f"SQLAlchemyProbe(url=…) of {self.name!r}: {error}."
            ) from None

    async def connect(self) -> Any:
        """Return an engine for one connection; it connects when it is asked."""
        return self._create()

    async def ask(self, connection: Any) -> dict[str, Any] | None:
        """Ask through an engine."""
        from sqlalchemy import text  # noqa: PLC0415 - an extra

        engine: Any = connection

        def ask_blocking() -> None:
            with engine.connect() as connected:
                connected.execute(text(QUESTION))

        if _is_async(engine):
            async with engine.connect() as connected:
                await connected.execute(text(QUESTION))
        else:
            await self._thread.run(ask_blocking)
        return {"dialect": engine.dialect.name}

    async def disconnect(self, connection: Any) -> None:
        """Close the engine's connection."""
        if _is_async(connection):
            await connection.dispose()
        else:
            await self._thread.run(connection.dispose)


SqlAlchemyProbe = SQLAlchemyProbe
"""fastapi-watch's spelling."""


def _is_async(engine: Any) -> bool:
    return hasattr(engine, "sync_engine")

"""MongoDB."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Unpack

from steadfastapi.health.dependency import DependencyProbe
from steadfastapi.health.threads import OwnThread

if TYPE_CHECKING:
    from steadfastapi.health.passive import WatchOptions

SELECTION_MS = 450
"""Within the timeout of a check, so that the driver's own message is seen."""


class MongoProbe(DependencyProbe):
    """Asks a MongoDB deployment with `ping`.

    Args:
        name: Shown everywhere, unique in an application.
        url: `mongodb://…` or `mongodb+srv://…`; asked with pymongo.
        client: A client of pymongo, asyncio or not, or of Motor.
        **options: Those of `PassiveProbe`.
    """

    name = "mongodb"
    extra = "mongo"
    drivers = ("pymongo",)
    schemes = ("mongodb",)

    def __init__(
        self,
        name: str | None = None,
        *,
        url: str | None = None,
        client: Any = None,
        **options: Unpack[WatchOptions],
    ) -> None:
        super().__init__(name, url=url, client=client, **options)
        self._thread = OwnThread(self.name)

    async def connect(self) -> Any:
        """Return a client for one connection; it connects when it is asked."""
        from pymongo import AsyncMongoClient  # noqa: PLC0415 - an extra

        return AsyncMongoClient(
            str(self.url).strip(),
            maxPoolSize=1,
            serverSelectionTimeoutMS=SELECTION_MS,
        )

    async def ask(self, connection: Any) -> dict[str, Any] | None:
        """Ping through an asyncio client."""
        await connection.admin.command("ping")
        return None

    async def ask_client(self, client: Any) -> dict[str, Any] | None:
        """Ping through the application's client; one that blocks, in a thread."""
        kind = type(client)
        if kind.__module__.startswith("pymongo.sync"):
            await self._thread.run(lambda: client.admin.command("ping"))
            return None
        answer = client.admin.command("ping")
        if inspect.isawaitable(answer):
            await answer
        return None

    async def disconnect(self, connection: Any) -> None:
        """Close the client."""
        await connection.close()

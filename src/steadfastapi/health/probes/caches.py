"""Redis and Memcached."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Unpack
from urllib.parse import urlsplit

from steadfastapi.health.dependency import DependencyProbe, host_and_port
from steadfastapi.health.threads import OwnThread

if TYPE_CHECKING:
    from steadfastapi.health.passive import WatchOptions


class RedisProbe(DependencyProbe):
    """Asks a Redis server with `PING`.

    Args:
        name: Shown everywhere, unique in an application.
        url: `redis://…`, `rediss://…` or `unix://…`.
        client: A client of redis-py, asyncio or not.
        **options: Those of `PassiveProbe`.
    """

    name = "redis"
    extra = "redis"
    drivers = ("redis.asyncio",)
    schemes = ("redis", "rediss", "unix")

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
        from redis.asyncio import Redis  # noqa: PLC0415 - an extra
        from redis.asyncio.retry import Retry  # noqa: PLC0415
        from redis.backoff import NoBackoff  # noqa: PLC0415

        # By default redis-py tries ten times (8.1): the next check is the next try.
        return Redis.from_url(
            str(self.url).strip(), max_connections=1, retry=Retry(NoBackoff(), 0)
        )

    async def ask(self, connection: Any) -> dict[str, Any] | None:
        """Ping through an asyncio client."""
        await connection.ping()
        return None

    async def ask_client(self, client: Any) -> dict[str, Any] | None:
        """Ping through the application's client; one that blocks, in a thread."""
        if _is_asyncio(client):
            await client.ping()
        else:
            await self._thread.run(client.ping)
        return None

    async def disconnect(self, connection: Any) -> None:
        """Close the client."""
        await connection.aclose()


class MemcachedProbe(DependencyProbe):
    """Asks a Memcached server for its version.

    Args:
        host: Of the server.
        port: Of the server.
        name: Shown everywhere, unique in an application.
        url: `memcached://host:port`, instead of both.
        client: A client of aiomcache.
        **options: Those of `PassiveProbe`.
    """

    name = "memcached"
    extra = "memcached"
    drivers = ("aiomcache",)
    schemes = ("memcached",)

    def __init__(
        self,
        host: str = "localhost",
        port: int = 11211,
        name: str | None = None,
        *,
        url: str | None = None,
        client: Any = None,
        **options: Unpack[WatchOptions],
    ) -> None:
        if url is None and client is None:
            url = f"memcached://{host}:{port}"
        super().__init__(name, url=url, client=client, **options)

    async def connect(self) -> Any:
        """Return a client for one connection; it connects when it is asked."""
        import aiomcache  # noqa: PLC0415 - an extra

        host, port = host_and_port(urlsplit(str(self.url).strip()), 11211)
        return aiomcache.Client(host, port, pool_size=1)

    async def ask(self, connection: Any) -> dict[str, Any] | None:
        """Ask for the version."""
        version = await connection.version()
        return {"server_version": version.decode("ascii", "replace")}

    async def disconnect(self, connection: Any) -> None:
        """Close the client."""
        await connection.close()


def _is_asyncio(client: Any) -> bool:
    """Whether a client of redis-py, or one that quacks like it, returns awaitables."""
    if inspect.iscoroutinefunction(client.ping):
        return True
    return any(".asyncio" in base.__module__ for base in type(client).__mro__)

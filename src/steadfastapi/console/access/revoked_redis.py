"""Ended sessions in Redis, for all machines."""

from __future__ import annotations

from functools import partial
from hashlib import sha256
from typing import Any

import anyio
import anyio.to_thread

from steadfastapi.exceptions import ConfigurationError, MissingExtraError

TIMEOUT = 0.3
"""Seconds for connecting, and for one answer."""
SCHEMES = ("redis://", "rediss://", "unix://")
_PREFIX = "steadfastapi:console:ended"
_THREADS = 4


class SharedRevocations:
    """One key for each ended session, until it would have ended of itself.

    Args:
        url: `redis://…`, `rediss://…` or `unix://…`.

    Raises:
        ConfigurationError: The address cannot be read.
        MissingExtraError: The package `redis` is not installed.
    """

    def __init__(self, url: str) -> None:
        try:
            from redis import Redis  # noqa: PLC0415 - an extra
            from redis.backoff import NoBackoff  # noqa: PLC0415
            from redis.retry import Retry  # noqa: PLC0415
        except ImportError as error:
            raise MissingExtraError(
                "Console(storage=…) names Redis, whose package is not installed: "
                "pip install 'steadfastapi[redis]'."
            ) from error
        options: dict[str, Any] = {
            "socket_timeout": TIMEOUT,
            "socket_connect_timeout": TIMEOUT,
            "retry": Retry(NoBackoff(), 0),
        }
        try:
            self._client: Any = Redis.from_url(url, **options)
        except ValueError:
            # Its text may quote a part of the address: the password.
            raise ConfigurationError(
                "Console(storage=…) is no address of a Redis: write redis://host:6379."
            ) from None
        self._limiter: anyio.CapacityLimiter | None = None

    async def add(self, session: str, seconds: float) -> None:
        """Remember a session for so long."""
        await self._ask(self._client.set, _key(session), 1, ex=max(1, int(seconds) + 1))

    async def has(self, session: str) -> bool:
        """Return whether a session is remembered."""
        return bool(await self._ask(self._client.exists, _key(session)))

    async def _ask(self, command: Any, *args: Any, **options: Any) -> Any:
        # In a thread: such a client belongs to no event loop.
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(_THREADS)
        return await anyio.to_thread.run_sync(
            partial(command, *args, **options),
            limiter=self._limiter,
            abandon_on_cancel=True,
        )


def _key(session: str) -> str:
    # The hash: whoever can read this Redis cannot end sessions of others by it.
    return f"{_PREFIX}:{sha256(session.encode()).hexdigest()}"

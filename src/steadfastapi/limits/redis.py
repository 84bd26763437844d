"""Moving windows in Redis, shared by workers and machines."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from limits.aio.storage import RedisClusterStorage
from limits.errors import ConfigurationError as LimitsConfigurationError
from limits.storage import storage_from_string

from steadfastapi.exceptions import ConfigurationError, MissingExtraError
from steadfastapi.limits.demands import Demand, Standing, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

SCHEMES = (
    "redis",
    "rediss",
    "redis+unix",
    "redis+cluster",
    "redis+sentinel",
)
_SCRIPT = Path(__file__).with_name("moving_window.lua").read_text(encoding="utf-8")
_MICRO = 1_000_000


class RedisStorage:
    """Exact moving windows on the clock of the server.

    `limits` reads the address and connects, to a cluster or a sentinel as well; the
    script is ours, since the one there trusts the clock of whoever calls (LIMIT-14).
    An object belongs to one event loop.

    Args:
        uri: `redis://…`, or one of the other `SCHEMES`.
        prefix: What every key begins with.
        timeout: Seconds for connecting, and for one answer.

    Raises:
        ConfigurationError: The address cannot be read.
        MissingExtraError: The package `redis` is not installed.
    """

    def __init__(self, uri: str, *, prefix: str, timeout: float) -> None:
        self._prefix = prefix
        try:
            from redis.asyncio.retry import Retry  # noqa: PLC0415 - an extra
            from redis.backoff import NoBackoff  # noqa: PLC0415
        except ImportError as error:
            raise MissingExtraError(
                "Limits(storage=…) names Redis, whose package is not installed: "
                "pip install 'steadfastapi[redis]'."
            ) from error
        options: dict[str, Any] = {
            "implementation": "redispy",
            "socket_timeout": timeout,
            "socket_connect_timeout": timeout,
            "retry": Retry(NoBackoff(), 0),  # by default ten times (redis-py 8.1)
        }
        try:
            storage: Any = storage_from_string(f"async+{uri}", **options)
        except (LimitsConfigurationError, ValueError) as error:
            raise ConfigurationError(
                f"Limits(storage=…) cannot be used: {error}."
            ) from error
        self._one_by_one = isinstance(storage, RedisClusterStorage)
        self._client: Any = storage.bridge.get_connection()
        self._script: Any = self._client.register_script(_SCRIPT)

    async def take(self, demands: Sequence[Demand]) -> Verdict:
        """Grant all demands or none, and say how the buckets stand.

        In a cluster the buckets of one request lie on several machines: there they
        are asked one after the other, and a refusal keeps what those before granted.
        """
        if not self._one_by_one:
            return await self._ask(demands)
        standings: list[Standing] = []
        for demand in demands:
            verdict = await self._ask([demand])
            standings += verdict.standings
            if not verdict.granted:
                return Verdict(granted=False, standings=standings)
        return Verdict(granted=True, standings=standings)

    async def check(self) -> None:
        """Raise if the server cannot decide.

        In a bucket of its own each time: where there are entries to be cut first, a
        server that is out of memory lets the script go on writing.
        """
        await self._ask([Demand(f"check:{os.urandom(8).hex()}", 1, 1, 1)])

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.aclose()

    async def _ask(self, demands: Sequence[Demand]) -> Verdict:
        keys = [f"{self._prefix}:{demand.bucket}" for demand in demands]
        numbers = [
            number
            for demand in demands
            for number in (demand.amount, demand.window * _MICRO, demand.cost)
        ]
        granted, *rest = await self._script(keys=keys, args=numbers)
        standings = [
            Standing(
                int(rest[at]),
                int(rest[at + 1]) / _MICRO,
                int(rest[at + 2]) / _MICRO,
            )
            for at in range(0, len(rest), 3)
        ]
        return Verdict(granted=bool(granted), standings=standings)

"""Results, state changes and maintenance in Redis, shared by workers and machines."""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING, Any

import orjson

from steadfastapi._scrub import scrub_url
from steadfastapi.exceptions import ConfigurationError, MissingExtraError
from steadfastapi.health.model import AlertRecord, ProbeResult
from steadfastapi.health.storage import ALERTS, HISTORY, MAX_NAMES

if TYPE_CHECKING:
    from pydantic import BaseModel

TTL = 7_200
"""Seconds after which what nobody renews is gone."""
ALERT_TTL = 259_200
MAX_ENTRY = 8_192
"""Bytes of one result; of a longer one the details are left out."""
FOREVER = 30 * 24 * 3600
"""Seconds that maintenance without an end outlives whoever forgot it."""
SCHEMES = ("redis://", "rediss://", "unix://")


class RedisStorage:
    """Keeps the last results, their history and the state changes in Redis.

    Everything is bounded in number and age, under keys that are known by name: no
    `KEYS`, no `SCAN`. An address that cannot be reached fails no check.

    Args:
        url: `redis://…`, `rediss://…` or `unix://…`.
        client: A client of `redis.asyncio` instead; it is not closed.
        prefix: What every key begins with; keeps services apart.
        history: Results of each probe.
        alerts: State changes of all probes together.

    Raises:
        ConfigurationError: The address cannot be read, or both ways were given.
        MissingExtraError: The package `redis` is not installed.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        client: Any = None,
        prefix: str = "steadfastapi:health",
        history: int = HISTORY,
        alerts: int = ALERTS,
    ) -> None:
        if (url is None) == (client is None):
            raise ConfigurationError(
                "RedisStorage(url=…, client=…): give one of them, an address or the "
                "application's client."
            )
        if url is not None and not url.startswith(SCHEMES):
            raise ConfigurationError(
                f"RedisStorage(url={scrub_url(url)!r}): the address begins with "
                f"{', '.join(SCHEMES)}."
            )
        self._prefix = prefix
        self._size = history
        self._alerts = alerts
        self.url = url
        self._client = client
        self._loop: asyncio.AbstractEventLoop | None = None
        self._cleared: set[asyncio.Task[None]] = set()
        if url is not None:
            _driver()

    async def get_latest(self, name: str) -> ProbeResult | None:
        """Return the last result of a probe."""
        raw = await self._redis().hget(self._key("latest"), name)
        return None if raw is None else ProbeResult.model_validate_json(raw)

    async def get_all_latest(self) -> dict[str, ProbeResult]:
        """Return the last result of every probe."""
        raw = await self._redis().hgetall(self._key("latest"))
        return {
            _text(name): ProbeResult.model_validate_json(value)
            for name, value in raw.items()
        }

    async def set_latest(self, result: ProbeResult) -> None:
        """Keep a result as the last one of its probe."""
        key = self._key("latest")
        redis = self._redis()
        if await redis.hlen(key) >= MAX_NAMES and not await redis.hexists(
            key, result.name
        ):
            return
        async with redis.pipeline(transaction=False) as pipe:
            pipe.hset(key, result.name, _entry(result))
            pipe.expire(key, TTL)
            await pipe.execute()

    def clear_latest(self) -> None:
        """Forget the last results, in the background."""
        loop = asyncio.get_running_loop()

        async def clear() -> None:
            await self._redis().delete(self._key("latest"))

        task = loop.create_task(clear())
        self._cleared.add(task)
        task.add_done_callback(self._cleared.discard)

    async def append_history(self, result: ProbeResult) -> None:
        """Keep a result in the history of its probe."""
        key = self._key("history", result.name)
        async with self._redis().pipeline(transaction=False) as pipe:
            pipe.rpush(key, _entry(result))
            pipe.ltrim(key, -self._size, -1)
            pipe.expire(key, TTL)
            await pipe.execute()

    async def get_history(self) -> dict[str, list[ProbeResult]]:
        """Return the history of every probe that has a last result, oldest first."""
        names = [_text(n) for n in await self._redis().hkeys(self._key("latest"))]
        async with self._redis().pipeline(transaction=False) as pipe:
            for name in names:
                pipe.lrange(self._key("history", name), 0, -1)
            found = await pipe.execute()
        return {
            name: [ProbeResult.model_validate_json(raw) for raw in rows]
            for name, rows in zip(names, found, strict=True)
        }

    async def append_alert(self, alert: AlertRecord) -> None:
        """Keep a state change."""
        key = self._key("alerts")
        async with self._redis().pipeline(transaction=False) as pipe:
            pipe.rpush(key, alert.model_dump_json())
            pipe.ltrim(key, -self._alerts, -1)
            pipe.expire(key, ALERT_TTL)
            await pipe.execute()

    async def get_alerts(self) -> list[AlertRecord]:
        """Return the state changes, oldest first."""
        rows = await self._redis().lrange(self._key("alerts"), 0, -1)
        return [AlertRecord.model_validate_json(raw) for raw in rows]

    async def set_maintenance(self, until: float | None) -> None:
        """Keep the end of maintenance: Unix time, infinity for none; None ends it."""
        key = self._key("maintenance")
        if until is None:
            await self._redis().delete(key)
            return
        seconds = FOREVER if math.isinf(until) else math.ceil(until - time.time())
        await self._redis().set(key, repr(until), ex=max(1, seconds))

    async def get_maintenance(self) -> float | None:
        """Return the end of maintenance, None outside of it."""
        raw = await self._redis().get(self._key("maintenance"))
        return None if raw is None else float(_text(raw))

    async def claim_alert(self, key: str, value: str, ttl_seconds: float) -> bool:
        """Return whether nobody else claimed the same value of the key; claims it.

        One command, so that of many replicas exactly one sends an alert. Needs Redis
        6.2.
        """
        if ttl_seconds <= 0:
            return True
        before = await self._redis().set(
            self._key("claim", key), value, px=math.ceil(ttl_seconds * 1000), get=True
        )
        return before is None or _text(before) != value

    async def aclose(self) -> None:
        """Close the storage's own connections."""
        if self.url is not None and self._client is not None:
            client, self._client = self._client, None
            if self._loop is asyncio.get_running_loop():
                await client.aclose()

    def _key(self, *parts: str) -> str:
        return ":".join((self._prefix, *parts))

    def _redis(self) -> Any:
        """Return the client; its connections belong to one event loop."""
        if self.url is None:
            return self._client
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            self._client, self._loop = _driver().from_url(self.url), loop
        return self._client


RedisProbeStorage = RedisStorage
"""fastapi-watch's name."""


def _driver() -> Any:
    try:
        from redis.asyncio import Redis  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError(
            "RedisStorage(…) needs the package 'redis', which is not installed: "
            "pip install 'steadfastapi[redis]'."
        ) from error
    return Redis


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _entry(model: BaseModel) -> bytes:
    """Return a result as JSON, without its details where it would be too long."""
    raw = model.model_dump_json().encode()
    if len(raw) <= MAX_ENTRY:
        return raw
    short = model.model_copy(update={"details": {"_truncated": True}})
    raw = short.model_dump_json().encode()
    return raw if len(raw) <= MAX_ENTRY else orjson.dumps(_least(short))


def _least(model: Any) -> dict[str, Any]:
    return {"name": model.name, "status": model.status.value}

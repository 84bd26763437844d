"""Claims in Redis: one alert for a fleet."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from steadfastapi.exceptions import ConfigurationError, MissingExtraError

TIMEOUT = 1.0
"""Seconds for connecting, and for one answer: then the alert is told anyway."""

_CLAIM = """
if redis.call('GET', KEYS[1]) == ARGV[1] then
    return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
"""`SET NX` would do for one state; of two, each must end the other in one step."""


class RedisClaims:
    """Claims of all processes that use one Redis and one namespace.

    One key for each alert and alerter, which expires.

    Args:
        url: `redis://…`, `rediss://…` or `unix://…`. May hold a password: not shown.
        namespace: The same on all replicas; the service's name.

    Raises:
        ConfigurationError: The address cannot be read.
        MissingExtraError: The package `redis` is not installed.
    """

    def __init__(self, url: str, *, namespace: str) -> None:
        try:
            from redis import Redis  # noqa: PLC0415 - an extra
            from redis.backoff import NoBackoff  # noqa: PLC0415
            from redis.retry import Retry  # noqa: PLC0415
        except ImportError as error:
            raise MissingExtraError(
                "RedisClaims(…) needs the package 'redis', which is not installed: "
                "pip install 'steadfastapi[redis]'."
            ) from error
        options: dict[str, Any] = {
            "socket_timeout": TIMEOUT,
            "socket_connect_timeout": TIMEOUT,
            "retry": Retry(NoBackoff(), 0),
        }
        try:
            client: Any = Redis.from_url(url, **options)
        except ValueError:
            # Its text may quote a part of the address: the password.
            raise ConfigurationError(
                "RedisClaims(url=…) is no address of a Redis: write redis://host:6379."
            ) from None
        self._client = client
        self._claim: Any = client.register_script(_CLAIM)
        self._prefix = f"steadfast:{namespace[:64]}:alerts"

    def claim(self, key: str, state: str, ttl: float) -> bool:
        """Take on a state; False if it is the key's last one already.

        Raises:
            redis.RedisError: The server does not answer.
        """
        milliseconds = max(1, int(ttl * 1000))
        return bool(self._claim(keys=[self._name(key)], args=[state, milliseconds]))

    def keep(self, key: str, state: str, ttl: float) -> None:
        """Make a state the key's last one.

        Raises:
            redis.RedisError: The server does not answer.
        """
        self._client.set(self._name(key), state, px=max(1, int(ttl * 1000)))

    def _name(self, key: str) -> str:
        digest = blake2b(key.encode(), digest_size=16).hexdigest()
        return f"{self._prefix}:{digest}"

    def __repr__(self) -> str:
        return "RedisClaims()"

"""The backends of the outage matrix that keep something: Redis and PostgreSQL."""

from __future__ import annotations

import threading
from typing import Any

from support.outage_backends import (
    Backend,
    OtlpBackend,
    SentryBackend,
    WebhookBackend,
)
from support.postgres import Admin, Unready, database
from support.redis import OwnRedis


class RedisBackend(Backend):
    """Where rate limits are counted."""

    name, variable, back_within = "redis", "REDIS_URL", 5.0

    @property
    def url(self) -> str:
        """The address."""
        return f"redis://{self.proxy.host}:{self.proxy.port}/0"

    def enter(self) -> tuple[str, int]:
        """Start one of our own."""
        self._server = self._held.enter_context(OwnRedis())
        self._client: Any = self._held.enter_context(self._server.client())
        self._client.ping()
        return "127.0.0.1", self._server.port

    def arrived(self, identity: str) -> bool:
        """Nothing of a failed request comes here."""
        raise NotImplementedError

    def too_many(self) -> None:
        """Take no more connections than the test's own."""
        self._client.config_set("maxclients", 1)
        self.proxy.drop()

    def broken(self) -> None:
        """Be out of memory."""
        self._client.config_set("maxmemory", "1kb")

    def well(self) -> None:
        """Take clients, and have memory."""
        self._client.config_set("maxclients", 10_000)
        self._client.config_set("maxmemory", 0)


class PostgresBackend(Backend):
    """Where the inbox is."""

    name, variable = "postgresql", "STEADFAST_INBOX_URL"

    @property
    def url(self) -> str:
        """The address of the database by way of the proxy."""
        own = self._url.set(host=self.proxy.host, port=self.proxy.port)
        return own.render_as_string(hide_password=False)

    def enter(self) -> tuple[str, int]:
        """Create a database."""
        self._url, admin = self._held.enter_context(database())
        self._admin: Admin = admin
        self._lock = threading.Lock()
        self._unready = {
            "429": self._held.enter_context(Unready("53300", "too many clients")),
            "500": self._held.enter_context(Unready("57P03", "starting up")),
        }
        return self._url.host or "127.0.0.1", self._url.port or 5432

    def arrived(self, identity: str) -> bool:
        """Return whether the entry of a request was written."""
        with self._lock:
            return bool(
                self._admin.run(
                    "SELECT count(*) FROM steadfast_inbox.issues WHERE title LIKE %s",
                    f"%{identity}%",
                )
            )

    def counted(self) -> int:
        """Return how many errors it holds, repeated ones included."""
        with self._lock:
            if not self._admin.run("SELECT to_regclass('steadfast_inbox.issues')"):
                return 0  # nobody has written yet
            found = self._admin.run("SELECT sum(count) FROM steadfast_inbox.issues")
        return int(found or 0)

    def too_many(self) -> None:
        """Refuse connections with 53300."""
        unready = self._unready["429"]
        self.proxy.lead_to(unready.host, unready.port)

    def broken(self) -> None:
        """Refuse connections with 57P03."""
        unready = self._unready["500"]
        self.proxy.lead_to(unready.host, unready.port)

    def well(self) -> None:
        """Lead to the real one."""
        self.proxy.lead_to(self._url.host or "127.0.0.1", self._url.port or 5432)


BACKENDS = (SentryBackend, OtlpBackend, RedisBackend, PostgresBackend, WebhookBackend)
"""All five."""

"""Entries, stores to keep them in, and one that does as it is told."""

import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier
from redis import Redis

from steadfastapi.exceptions import StoreError
from steadfastapi.inbox.capture import new_id
from steadfastapi.inbox.entry import Entry, Fault, Frame
from steadfastapi.inbox.query import Page, Query, State
from steadfastapi.inbox.sqlite import SQLiteStore
from steadfastapi.inbox.store import Batch, Change, Issue, Store
from support.services import find_postgres, find_redis, require

POSTGRES_ADMIN = "postgresql://root@127.0.0.1:5432/test"
REDIS_URL = "redis://127.0.0.1:6379/0"
NOW = 1_790_000_000.0
"""Unix time of made entries, in the middle of an hour."""
_ticks = count()


def issue_id(name: str) -> str:
    """Return 16 hex digits for a name."""
    return uuid.uuid5(uuid.NAMESPACE_URL, name).hex[:16]


def entry(issue: str = "one", **facts: Any) -> Entry:
    """Return an entry.

    Args:
        issue: Any name of its issue.
        **facts: What is different: any field of `Entry`.
    """
    route = facts.pop("route", "/pay/{id}")
    at = facts.pop("at", NOW + next(_ticks) / 1000)
    frame = Frame(file="shop/pay.py", line=7, function="pay", in_app=True)
    facts.setdefault("title", f"PayError: {issue}")
    facts.setdefault("message", f"cannot pay {issue}")
    facts.setdefault(
        "faults", (Fault(type="shop.PayError", message="x", frames=(frame,)),)
    )
    facts.setdefault("request", {"id": uuid.uuid4().hex, "route": route, "status": 500})
    facts.setdefault("level", "error")
    facts.setdefault("event", "unhandled_exception")
    facts.setdefault("release", "shop@1")
    facts.setdefault("id", new_id())
    return Entry(issue=issue_id(issue), at=at, **facts)


def batch(*entries: Entry) -> Batch:
    """Return a batch with an id of its own."""
    return Batch(uuid.uuid4().hex, entries)


def write(store: Store, *entries: Entry) -> list[Change]:
    """Write entries as one batch."""
    return store.write(batch(*entries))


@contextmanager
def sqlite_store() -> Iterator[Callable[[], Store]]:
    """Yield what opens a new SQLite file, again and again the same one."""
    with tempfile.TemporaryDirectory() as folder:
        opened: list[SQLiteStore] = []

        def make() -> Store:
            opened.append(SQLiteStore(Path(folder) / "inbox.db"))
            return opened[-1]

        yield make
        for store in opened:
            store.close()


@contextmanager
def postgres_store() -> Iterator[Callable[[], Store]]:
    """Yield what connects to a new PostgreSQL database."""
    require("PostgreSQL", find_postgres())
    from steadfastapi.inbox.postgres import PostgresStore

    name = f"inbox_{uuid.uuid4().hex}"
    opened: list[PostgresStore] = []

    def make() -> Store:
        opened.append(PostgresStore(f"postgresql://root@127.0.0.1:5432/{name}"))
        return opened[-1]

    with psycopg.connect(POSTGRES_ADMIN, autocommit=True) as admin:
        admin.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        try:
            yield make
        finally:
            for store in opened:
                store.close()
            admin.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@contextmanager
def redis_store() -> Iterator[Callable[[], Store]]:
    """Yield what connects to the machine's Redis, with keys of its own."""
    require("Redis", find_redis())
    from steadfastapi.inbox.redis import RedisStore

    prefix = f"test-{uuid.uuid4().hex}:{{inbox}}:"
    opened: list[RedisStore] = []

    def make() -> Store:
        opened.append(RedisStore(REDIS_URL, prefix=prefix))
        return opened[-1]

    yield make
    for store in opened:
        store.close()
    with Redis.from_url(REDIS_URL) as client:
        for key in client.scan_iter(f"{prefix}*", count=1_000):
            client.delete(key)


STORES = {"sqlite": sqlite_store, "postgres": postgres_store, "redis": redis_store}


class ToldStore:
    """Keeps nothing, and fails as it is told."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.failure: Exception | None = None
        self.delay = 0.0
        self.opened = 0
        self.refuses: Callable[[Entry], bool] = lambda entry: False
        self.changes: list[Change] = []

    def open(self) -> None:
        """Count."""
        self.opened += 1
        if self.failure is not None:
            raise self.failure

    def write(self, batch: Batch) -> list[Change]:
        """Take a batch, or fail."""
        if self.delay:
            time.sleep(self.delay)
        if self.failure is not None:
            raise self.failure
        if any(self.refuses(entry) for entry in batch.entries):
            raise StoreError("too strange", refused=True)
        self.batches.append(batch)
        return self.changes

    @property
    def entries_written(self) -> list[Entry]:
        """What was taken, in order."""
        return [entry for batch in self.batches for entry in batch.entries]

    def issues(self, query: Query, *, now: float | None = None) -> Page[Issue]:
        """Return none."""
        return Page((), None)

    def issue(self, identity: str, *, now: float | None = None) -> Issue | None:
        """Return none."""
        return None

    def entries(self, query: Query) -> Page[Entry]:
        """Return none."""
        return Page((), None)

    def entry(self, identity: str) -> Entry | None:
        """Return none."""
        return None

    def set_state(
        self, identities: Sequence[str], state: State, *, release: str | None = None
    ) -> int:
        """Change nothing."""
        return 0

    def prune(self, *, before: float, keep: int, keep_each: int) -> int:
        """Delete nothing, or fail."""
        if self.failure is not None:
            raise self.failure
        return 0

    def claim(self, key: str, seconds: float) -> bool:
        """Let everybody have it."""
        return True

    def close(self) -> None:
        """Do nothing."""

"""The inbox in Redis: entries in a stream, counts beside it, one script to write both.

There is no index of words: a search reads the newest entries, `MAX_SCANNED` of them.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from importlib import resources
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson
import redis

from steadfastapi.exceptions import StoreError
from steadfastapi.inbox import redis_read
from steadfastapi.inbox.store import Change
from steadfastapi.inbox.tally import Tally, tallies
from steadfastapi.inbox.text import searched

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from steadfastapi.inbox.entry import Entry
    from steadfastapi.inbox.query import Page, Query, State
    from steadfastapi.inbox.store import Batch, Issue

PREFIX = "steadfast:{inbox}:"
"""In braces: on a cluster all keys are on one node, as a script needs them."""
TIMEOUT = 5.0
"""Seconds for connecting, and for one answer."""
PRUNED_AT_ONCE = 500


class RedisStore:
    """Keeps the inbox in Redis, shared by all machines.

    Redis should persist what it holds (`appendonly yes`): what it forgets is lost.

    Args:
        url: `redis://:password@host:6379/0`.
        prefix: What every key begins with.
        timeout: Seconds for connecting, and for one answer.
    """

    def __init__(
        self, url: str, *, prefix: str = PREFIX, timeout: float = TIMEOUT
    ) -> None:
        self._url = url
        self._prefix = prefix
        self._timeout = timeout
        self._pid = os.getpid()
        self._client: Any = None
        self._script: Any = None

    def open(self) -> None:
        """Connect."""
        with self._explained() as client:
            client.ping()

    def write(self, batch: Batch) -> list[Change]:
        """Keep entries and count their issues in one script."""
        added = tallies(batch.entries)
        values: list[Any] = [
            batch.id,
            orjson.dumps([_described(issue, one) for issue, one in added.items()]),
        ]
        for entry in batch.entries:
            values += _arguments(entry)
        with self._explained():
            answer = self._script(keys=[self._prefix], args=values)
        latest = {issue: tally.latest for issue, tally in added.items()}
        return [
            Change(what, issue, latest[issue])
            for what, issue in zip(answer[::2], answer[1::2], strict=True)
        ]

    def issues(self, query: Query, *, now: float | None = None) -> Page[Issue]:
        """Return issues."""
        with self._explained() as client:
            keys = redis_read.Keys(client, self._prefix)
            return redis_read.issues(keys, query, now or time.time())

    def issue(self, identity: str, *, now: float | None = None) -> Issue | None:
        """Return one issue."""
        with self._explained() as client:
            keys = redis_read.Keys(client, self._prefix)
            found = redis_read.issues_of(keys, [identity], now or time.time())
            return found[0] if found else None

    def entries(self, query: Query) -> Page[Entry]:
        """Return entries, newest first."""
        with self._explained() as client:
            return redis_read.entries(redis_read.Keys(client, self._prefix), query)

    def entry(self, identity: str) -> Entry | None:
        """Return one entry."""
        with self._explained() as client:
            return redis_read.entry(redis_read.Keys(client, self._prefix), identity)

    def set_state(
        self, identities: Sequence[str], state: State, *, release: str | None = None
    ) -> int:
        """Change the state of issues; return how many there were."""
        changed = 0
        with self._explained() as client:
            for identity in identities:
                key = f"{self._prefix}issue:{identity}"
                if not client.exists(key):
                    continue
                fields = {"state": state, "state_at": repr(time.time())}
                pipeline = client.pipeline(transaction=True)
                pipeline.hdel(key, "resolved_in")
                if state == "resolved" and release is not None:
                    fields["resolved_in"] = release
                pipeline.hset(key, mapping=fields)
                pipeline.execute()
                changed += 1
        return changed

    def prune(self, *, before: float, keep: int, keep_each: int) -> int:
        """Delete old entries, and issues that were not seen since."""
        with self._explained() as client:
            prefix = self._prefix
            old = client.zrangebyscore(f"{prefix}times", "-inf", f"({before!r}")
            deleted = self._delete(client, old)
            for issue in client.zrange(f"{prefix}by:last_seen", 0, -1):
                crowd = client.zrange(f"{prefix}of:{issue}", 0, -keep_each - 1)
                deleted += self._delete(client, crowd)
            surplus = client.zcard(f"{prefix}times") - keep
            if surplus > 0:
                first = client.xrange(f"{prefix}entries", count=surplus)
                numbers = [name.partition("-")[0] for name, _ in first]
                deleted += self._delete(client, numbers)
            gone = client.zrangebyscore(f"{prefix}by:last_seen", "-inf", f"({before!r}")
            for issue in gone:
                self._forget(client, issue)
            return deleted

    def claim(self, key: str, seconds: float) -> bool:
        """Return True to the first that asks for `key`, until it expires."""
        with self._explained() as client:
            name = f"{self._prefix}claim:{key}"
            milliseconds = int(seconds * 1000)
            if milliseconds <= 0:  # it expires at once
                return not client.exists(name)
            return bool(client.set(name, "1", nx=True, px=milliseconds))

    def close(self) -> None:
        """Close all connections."""
        client, self._client = self._client, None
        if client is not None and self._pid == os.getpid():
            client.close()

    def __repr__(self) -> str:
        parts = urlsplit(self._url)
        return f"RedisStore({parts.hostname or parts.path!r})"

    def _delete(self, client: Any, numbers: list[str]) -> int:
        for start in range(0, len(numbers), PRUNED_AT_ONCE):
            some = numbers[start : start + PRUNED_AT_ONCE]
            reading = client.pipeline(transaction=False)
            for number in some:
                reading.xrange(f"{self._prefix}entries", f"{number}-0", f"{number}-0")
            pipeline = client.pipeline(transaction=True)
            for number, found in zip(some, reading.execute(), strict=True):
                pipeline.zrem(f"{self._prefix}times", number)
                for name, fields in found:
                    identity = fields["id"]
                    pipeline.xdel(f"{self._prefix}entries", name)
                    pipeline.hdel(f"{self._prefix}ids", identity)
                    pipeline.zrem(f"{self._prefix}of:{fields['issue']}", number)
                    pipeline.delete(
                        f"{self._prefix}more:{identity}",
                        f"{self._prefix}also:{identity}",
                    )
            pipeline.execute()
        return len(numbers)

    def _forget(self, client: Any, issue: str) -> None:
        pipeline = client.pipeline(transaction=True)
        for order in ("count", "first_seen", "last_seen"):
            pipeline.zrem(f"{self._prefix}by:{order}", issue)
        for part in ("issue", "hours", "users", "releases", "of"):
            pipeline.delete(f"{self._prefix}{part}:{issue}")
        pipeline.execute()

    @contextmanager
    def _explained(self) -> Iterator[Any]:
        """Yield the client; raise what it raises as a `StoreError`."""
        try:
            yield self._connected()
        except (redis.DataError, UnicodeError) as error:
            raise StoreError(f"Redis: {error}", refused=True) from error
        except (redis.RedisError, OSError) as error:
            said = f"Redis: {type(error).__name__}: {str(error)[:300]}"
            raise StoreError(said) from error
        except ValueError as error:  # an address that redis-py cannot read
            raise StoreError("the address of Redis is wrong") from error

    def _connected(self) -> Any:
        if self._client is None or self._pid != os.getpid():
            self._client = redis.Redis.from_url(
                self._url,
                decode_responses=True,
                socket_timeout=self._timeout,
                socket_connect_timeout=self._timeout,
                health_check_interval=30,
            )
            script = resources.files("steadfastapi.inbox") / "redis_write.lua"
            self._script = self._client.register_script(
                script.read_text(encoding="utf-8")
            )
            self._pid = os.getpid()
        return self._client


def _described(issue: str, tally: Tally) -> dict[str, Any]:
    latest = tally.latest
    return {
        "id": issue,
        "title": latest.title,
        "level": tally.level,
        "event": latest.event,
        "route": latest.route or "",
        "culprit": latest.culprit,
        "count": str(tally.count),
        "first_seen": repr(tally.first_seen),
        "last_seen": repr(tally.last_seen),
        "hours": {str(hour): str(count) for hour, count in tally.hours.items()},
        "users": list(tally.users),
        "releases": {name: repr(at) for name, at in tally.releases.items()},
    }


def _arguments(entry: Entry) -> list[Any]:
    return [
        entry.id,
        entry.issue,
        repr(entry.at),
        entry.as_json(),
        " ".join(searched(entry)),
        str(entry.repeats),
        repr(max(entry.at, entry.last_at)),
        orjson.dumps(list(entry.also)),
    ]

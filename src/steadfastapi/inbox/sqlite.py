"""The default store: one SQLite file, shared by the workers of one machine."""

from __future__ import annotations

import os
import queue
import sqlite3
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from steadfastapi._fork import Whole
from steadfastapi.exceptions import StoreError
from steadfastapi.inbox import sqlite_file, sqlite_read, sqlite_write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from steadfastapi.inbox.entry import Entry
    from steadfastapi.inbox.query import Page, Query, State
    from steadfastapi.inbox.store import Batch, Change, Issue

P = ParamSpec("P")
T = TypeVar("T")

BUSY_TIMEOUT = 5.0
"""Seconds to wait for another process that writes. Of 2,000 writes of four processes
618 fail without it (INBOX-2)."""
MAX_IDLE = 4
"""Connections that are kept for the next call."""
_left_behind: list[queue.LifoQueue[sqlite3.Connection]] = []
"""Connections of a parent process. To close one in a child would end the parent's."""
_whole = Whole()
"""Around whatever locks a file: SQLite keeps in memory what its process has locked, and
a child that is forked meanwhile would take those locks for its own's, for ever."""


class SQLiteStore:
    """Keeps the inbox in a file, in WAL mode: readers never wait for writers.

    Args:
        path: The file; its folder is made if need be. Not on a network file system,
            where WAL does not work.
        busy_timeout: Seconds to wait for another process.
        max_bytes: The file grows no larger; None leaves it to the disk.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        busy_timeout: float = BUSY_TIMEOUT,
        max_bytes: int | None = None,
    ) -> None:
        self.path = Path(path).absolute()
        self._busy_timeout = busy_timeout
        self._max_bytes = max_bytes
        self._idle: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()
        self._pid = os.getpid()
        self._is_open = False

    def open(self) -> None:
        """Make the file, or bring its schema up to date."""
        self._adopt_process()
        if not self._is_open:
            with _whole.lock, _explained(self.path):
                self.path.parent.mkdir(parents=True, exist_ok=True)
                connection = self._connect()
                sqlite_file.migrate(connection)
                self._idle.put(connection)
                self._is_open = True

    def write(self, batch: Batch) -> list[Change]:
        """Keep entries and count their issues in one transaction."""
        return self._in_transaction(sqlite_write.write, batch)

    def issues(self, query: Query, *, now: float | None = None) -> Page[Issue]:
        """Return issues."""
        with self._connection() as connection:
            return sqlite_read.issues(connection, query, now or time.time())

    def issue(self, identity: str, *, now: float | None = None) -> Issue | None:
        """Return one issue."""
        with self._connection() as connection:
            return sqlite_read.issue(connection, identity, now or time.time())

    def entries(self, query: Query) -> Page[Entry]:
        """Return entries, newest first."""
        with self._connection() as connection:
            return sqlite_read.entries(connection, query)

    def entry(self, identity: str) -> Entry | None:
        """Return one entry."""
        with self._connection() as connection:
            return sqlite_read.entry(connection, identity)

    def set_state(
        self, identities: Sequence[str], state: State, *, release: str | None = None
    ) -> int:
        """Change the state of issues; return how many there were."""
        return self._in_transaction(
            sqlite_write.set_state,
            identities,
            state,
            release if state == "resolved" else None,
        )

    def prune(self, *, before: float, keep: int, keep_each: int) -> int:
        """Delete old entries, and issues that were not seen since."""
        return self._in_transaction(
            sqlite_write.prune, before=before, keep=keep, keep_each=keep_each
        )

    def claim(self, key: str, seconds: float) -> bool:
        """Return True to the first that asks for `key`, until it expires."""
        return self._in_transaction(sqlite_write.claim, key, seconds)

    def close(self) -> None:
        """Close idle connections."""
        self._adopt_process()
        self._is_open = False
        while True:
            try:
                connection = self._idle.get_nowait()
            except queue.Empty:
                return
            with suppress(sqlite3.Error):
                connection.close()

    def __repr__(self) -> str:
        return f"SQLiteStore({str(self.path)!r})"

    def _in_transaction(
        self,
        work: Callable[Concatenate[sqlite3.Connection, P], T],
        *args: P.args,
        **named: P.kwargs,
    ) -> T:
        with _whole.lock, self._connection() as connection:
            # Takes the lock at once: a transaction that began by reading cannot
            # wait for one that writes, and would fail instead.
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(connection, *args, **named)
                connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise
            return result

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        self.open()
        with _explained(self.path):
            try:
                connection = self._idle.get_nowait()
            except queue.Empty:
                connection = self._connect()
            try:
                yield connection
            except BaseException:
                self._is_open = False  # look again: the file may be another one now
                connection.close()
                raise
            if self._idle.qsize() < MAX_IDLE and self._pid == os.getpid():
                self._idle.put(connection)
            else:
                connection.close()

    def _connect(self) -> sqlite3.Connection:
        return sqlite_file.connect(self.path, self._busy_timeout, self._max_bytes)

    def _adopt_process(self) -> None:
        if self._pid == os.getpid():
            return
        _left_behind.append(self._idle)  # not emptied: its lock may be taken for ever
        self._idle = queue.LifoQueue()
        self._pid = os.getpid()
        self._is_open = False


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Raise what SQLite or the file system says as a `StoreError`."""
    refused = (
        sqlite3.IntegrityError,
        sqlite3.DataError,
        sqlite3.ProgrammingError,
        sqlite3.InterfaceError,
    )
    try:
        yield
    except refused as error:
        raise StoreError(f"{path.name}: {error}", refused=True) from error
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"{path.name}: {error}") from error
    except (ValueError, OverflowError) as error:  # e.g. an integer beyond 64 bits
        raise StoreError(f"{path.name}: {error}", refused=True) from error

"""The SQLite file itself: whose it is, how it is opened, and its schema."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from steadfastapi.exceptions import StoreError
from steadfastapi.inbox.schema import migrations

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

APPLICATION = 0x53544459
"""Marks our files (`PRAGMA application_id`): no other database gets our tables."""
_OPENING_TRIES = 20
_creating = threading.Lock()
"""Held until a new file is closed again: another thread connects to it after that."""


class _Connection(sqlite3.Connection):
    """Closes itself, where an application that never ends forgets it.

    In tests without a lifespan, for example: since Python 3.13 one that is collected
    while it is open warns, and a warning may be an error there.
    """

    def __del__(self) -> None:
        with suppress(sqlite3.Error):
            self.close()


def connect(
    path: Path, busy_timeout: float, max_bytes: int | None
) -> sqlite3.Connection:
    """Return a connection of any thread, outside of transactions.

    Raises:
        StoreError: The file belongs to another program.
        sqlite3.Error: It cannot be opened.
    """
    _create(path)
    connection = sqlite3.connect(
        path,
        timeout=busy_timeout,
        isolation_level=None,
        check_same_thread=False,
        factory=_Connection,
    )
    try:
        _refuse_foreign(connection)
        _use_wal(connection)
        # Survives `kill -9`; a power cut may take the last moments, and no more.
        connection.execute("PRAGMA synchronous = NORMAL")
        if max_bytes is not None:
            (size,) = connection.execute("PRAGMA page_size").fetchone()
            connection.execute(f"PRAGMA max_page_count = {max_bytes // int(size)}")
    except BaseException:
        connection.close()
        raise
    return connection


def _create(path: Path) -> None:
    """Make the file unless it is there, for its user only.

    Errors tell more than everybody on the machine should know; SQLite gives its other
    files the same mode. A file that is there is never opened beside SQLite: closing it
    would drop the locks of every connection that this process has to it, and another
    process would then write over what it reads (sqlite.org/howtocorrupt.html, 2.2).
    """
    with _creating, suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _refuse_foreign(connection: sqlite3.Connection) -> None:
    # Tables first: another worker may be making them, and our mark with them.
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if tables and application != APPLICATION:
        raise StoreError("the file is a database of something else; name another one.")


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to WAL; while others do the same, SQLite does not wait but fails."""
    for left in reversed(range(_OPENING_TRIES)):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if left == 0 or "locked" not in str(error):
                raise
            time.sleep(0.01)
        else:
            return


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the schema up to date; workers that start together do it once.

    Raises:
        StoreError: A newer steadfastapi has written the file.
    """
    scripts = migrations("sqlite")
    if _version(connection) == len(scripts):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _version(connection)  # another worker may have been faster
        _refuse_newer(version, len(scripts))
        for script in scripts[version:]:
            for statement in _statements(script):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {len(scripts)}")
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _refuse_newer(version: int, known: int) -> None:
    if version > known:
        raise StoreError(
            f"the file has schema {version}, and this version of steadfastapi knows "
            f"{known}: it was written by a newer one."
        )


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def _statements(script: str) -> Iterator[str]:
    """Return the statements of a script: `executescript` would commit before it."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""

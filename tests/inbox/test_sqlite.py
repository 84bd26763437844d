"""The SQLite file: whose it is, what becomes of it, and what may be wrong with it."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from steadfastapi.exceptions import StoreError
from steadfastapi.inbox.query import Query
from steadfastapi.inbox.schema import migrations
from steadfastapi.inbox.sqlite import SQLiteStore
from support.inbox import entry, issue_id, write

TESTS = Path(__file__).parents[1]


def file_in(folder: Path) -> Path:
    """Return where a store is to be."""
    return folder / "data" / "inbox.db"


def ids(store: SQLiteStore) -> set[str]:
    """Return the ids of all entries."""
    connection = sqlite3.connect(store.path)
    try:
        return {row[0] for row in connection.execute("SELECT id FROM entries")}
    finally:
        connection.close()


def test_the_file_is_made_with_its_folder(tmp_path: Path) -> None:
    """In WAL mode, marked as ours, with all migrations."""
    store = SQLiteStore(file_in(tmp_path))

    store.open()

    connection = sqlite3.connect(store.path)
    asked = [
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "application_id", "user_version")
    ]
    connection.close()
    assert ["wal", 0x53544459, len(migrations("sqlite"))] == asked


def test_a_foreign_database_is_left_alone(tmp_path: Path) -> None:
    """A typing error in the path must not put tables into somebody's data."""
    path = tmp_path / "shop.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE orders (id)")
    connection.close()
    before = path.read_bytes()

    with pytest.raises(StoreError, match="something else"):
        write(SQLiteStore(path), entry())

    assert before == path.read_bytes()


def test_a_newer_schema_is_left_alone(tmp_path: Path) -> None:
    """After a roll-back of the application, say."""
    store = SQLiteStore(tmp_path / "inbox.db")
    store.open()
    connection = sqlite3.connect(store.path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()

    with pytest.raises(StoreError, match="newer"):
        write(SQLiteStore(store.path), entry())


@pytest.mark.parametrize("kind", ["text", "damaged"])
def test_a_broken_file_is_an_error_and_no_more(tmp_path: Path, kind: str) -> None:
    """It is neither repaired nor deleted: it may be anything."""
    path = tmp_path / "inbox.db"
    if kind == "text":
        path.write_bytes(b"not a database\n" * 500)
    else:
        made = SQLiteStore(path)
        write(made, *(entry(message="x" * 2_000) for _ in range(50)))
        made.close()
        data = bytearray(path.read_bytes())
        data[4096:] = random.randbytes(len(data) - 4096)
        path.write_bytes(data)
    before = path.stat().st_size

    with pytest.raises(StoreError):
        write(SQLiteStore(path), entry())

    assert before == path.stat().st_size


def test_a_file_that_is_mended_is_used_again(tmp_path: Path) -> None:
    """By the same store, once somebody has moved the broken one away."""
    path = tmp_path / "inbox.db"
    path.write_bytes(b"not a database\n" * 500)
    store = SQLiteStore(path)
    with pytest.raises(StoreError):
        write(store, entry())

    path.unlink()
    write(store, entry())

    assert 1 == len(store.entries(Query()).items)


def test_an_unwritable_folder_is_an_error(tmp_path: Path) -> None:
    """Of the store, never of the application."""
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreError):
        write(SQLiteStore(tmp_path / "file" / "inbox.db"), entry())


def test_sec_10_a_full_disk_is_an_error_until_there_is_room(tmp_path: Path) -> None:
    """SEC-10: nothing is lost that was kept, and pruning makes room."""
    store = SQLiteStore(tmp_path / "inbox.db", max_bytes=200_000)
    kept: set[str] = set()

    def fill() -> None:
        while True:
            one = entry(message="x" * 4_000)
            write(store, one)
            kept.add(one.id)

    with pytest.raises(StoreError, match="full"):
        fill()

    assert kept == ids(store)
    store.prune(before=0, keep=2, keep_each=2)
    write(store, entry())
    assert 3 == len(ids(store))


def test_inbox_2_a_lock_is_waited_for(tmp_path: Path) -> None:
    """INBOX-2: and given up in the end, as something to be tried again."""
    store = SQLiteStore(tmp_path / "inbox.db", busy_timeout=0.1)
    store.open()
    other = sqlite3.connect(store.path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(StoreError, match="locked") as caught:
        write(store, entry())
    assert not caught.value.refused

    patient = SQLiteStore(store.path, busy_timeout=5)
    threading.Timer(0.2, lambda: other.execute("ROLLBACK")).start()
    write(patient, entry())
    assert 1 == len(ids(store))
    other.close()


OTHER_PROCESS = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("CREATE TABLE elsewhere (id)")
connection.close()
"""


def test_a_second_store_keeps_the_locks_of_the_first(tmp_path: Path) -> None:
    """In one process: else another one takes the file for its own, and damages it."""
    first, second = SQLiteStore(file_in(tmp_path)), SQLiteStore(file_in(tmp_path))
    first.open()
    second.open()
    wal = first.path.with_name(first.path.name + "-wal")
    assert wal.exists()

    subprocess.run(
        [sys.executable, "-c", OTHER_PROCESS, str(first.path)], check=True, timeout=30
    )

    assert wal.exists()  # whoever closes last removes it
    first.close()
    second.close()


def test_readers_do_not_wait_for_writers(tmp_path: Path) -> None:
    """The console answers while somebody writes."""
    store = SQLiteStore(tmp_path / "inbox.db", busy_timeout=5)
    write(store, entry())
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    started = time.monotonic()

    assert 1 == len(store.issues(Query()).items)

    assert time.monotonic() - started < 1
    other.close()


def test_a_child_process_leaves_the_parents_connections(tmp_path: Path) -> None:
    """NB-9: both go on writing, and nothing is damaged."""
    store = SQLiteStore(tmp_path / "inbox.db")
    write(store, entry("parent"))

    child = os.fork()
    if child == 0:
        try:
            write(store, entry("child"))
            store.close()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    write(store, entry("parent"))

    counts = {one.id: one.count for one in store.issues(Query()).items}
    assert {issue_id("parent"): 2, issue_id("child"): 1} == counts


def kill_rounds(path: Path, rounds: int) -> int:
    """Kill writers at any moment; return how many entries were acknowledged."""
    acknowledged: set[str] = set()
    for _ in range(rounds):
        environment = {**os.environ, "PYTHONPATH": str(TESTS)}
        process = subprocess.Popen(
            [sys.executable, "-m", "support.inbox_killed", str(path)],
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        assert process.stdout is not None
        acknowledged.update(process.stdout.readline().split())
        time.sleep(random.uniform(0, 0.05))
        process.kill()
        rest = process.stdout.read().splitlines(keepends=True)
        process.stdout.close()
        process.wait()
        for line in rest:
            if line.endswith("\n"):
                acknowledged.update(line.split())
        connection = sqlite3.connect(path)
        (verdict,) = connection.execute("PRAGMA integrity_check").fetchone()
        connection.close()
        assert "ok" == verdict
    store = SQLiteStore(path)
    assert set() == acknowledged - ids(store)
    stored = sum(one.count for one in store.issues(Query()).items)
    assert len(ids(store)) == stored
    store.close()
    return len(acknowledged)


def test_tp_2_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """TP-2: a few rounds; counts and entries agree, the file is sound."""
    assert 3 * 2 <= kill_rounds(tmp_path / "inbox.db", 3)


@pytest.mark.soak
def test_tp_2_kill_9_a_hundred_times(tmp_path: Path) -> None:
    """TP-2: 100 rounds, 0 lost, 0 corrupt."""
    assert 100 * 2 <= kill_rounds(tmp_path / "inbox.db", 100)

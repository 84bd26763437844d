"""Where the inbox is by default: safe where it lies, and never in the way."""

from __future__ import annotations

import os
import stat
import tempfile
import threading
from pathlib import Path

import pytest
from fastapi import FastAPI

from steadfastapi.inbox import api
from steadfastapi.inbox.addresses import DEFAULT, file_of
from steadfastapi.inbox.api import push
from steadfastapi.inbox.sqlite import SQLiteStore
from support.inbox import entry, write
from support.inbox_apps import inbox_of

NAME = "steadfast-inbox.db"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder of the test, with a temporary folder beside it."""
    (tmp_path / "work").mkdir()
    (tmp_path / "tmp").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path / "tmp"))


@pytest.fixture
def _serving(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the process look as if it was no test run."""
    monkeypatch.delenv("PYTEST_VERSION")


@pytest.mark.usefixtures("_serving")
def test_it_is_in_the_working_directory() -> None:
    """Where the command line looks for it."""
    assert Path(NAME) == file_of(DEFAULT)


def test_test_runs_leave_nothing_in_a_checkout(tmp_path: Path) -> None:
    """It is below the temporary folder, a file for each checkout."""
    found = file_of(DEFAULT)

    assert found.is_relative_to(tmp_path / "tmp")
    assert found == file_of(DEFAULT)
    os.chdir(tmp_path)
    assert found != file_of(DEFAULT)


@pytest.mark.usefixtures("_serving")
def test_a_folder_that_cannot_be_written_is_not_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container with a read-only file system."""
    monkeypatch.setattr(os, "access", lambda *_: False)

    store = SQLiteStore(file_of(DEFAULT))
    write(store, entry())
    store.close()

    assert [] == list(Path.cwd().iterdir())
    (folder,) = (tmp_path / "tmp").iterdir()
    assert 0o700 == stat.S_IMODE(folder.stat().st_mode)


def test_a_file_that_is_there_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever else it would be."""
    Path(NAME).touch()
    monkeypatch.setattr(os, "access", lambda *_: False)

    assert Path(NAME) == file_of(DEFAULT)


def test_a_file_that_was_named_is_used(tmp_path: Path) -> None:
    """In a test run, too; three slashes are relative, four absolute."""
    assert Path("inbox.db") == file_of("sqlite:///inbox.db")
    assert tmp_path / "a b.db" == file_of(f"sqlite:///{tmp_path}/a%20b.db")


@pytest.mark.parametrize("trap", ["link", "open", "file"])
def test_what_another_user_has_prepared_is_not_used(tmp_path: Path, trap: str) -> None:
    """Everybody may write to the temporary folder, and guess the name in it."""
    place = tmp_path / "tmp" / f"steadfast-inbox-{os.getuid()}"
    if trap == "link":
        (tmp_path / "evil").mkdir()
        place.symlink_to(tmp_path / "evil")
    elif trap == "open":
        place.mkdir()
        place.chmod(0o777)
    else:
        place.touch()

    assert Path(NAME) == file_of(DEFAULT)


def test_a_folder_of_another_user_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever its mode."""
    monkeypatch.setattr(os, "getuid", lambda: 12_345)
    (tmp_path / "tmp" / "steadfast-inbox-12345").mkdir(mode=0o700)

    assert Path(NAME) == file_of(DEFAULT)


def test_a_deleted_working_directory_harms_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store will say that it cannot write."""

    def gone() -> Path:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "cwd", gone)

    assert Path(NAME) == file_of(DEFAULT)


def test_only_its_user_reads_the_file(tmp_path: Path) -> None:
    """Whatever the umask; the files beside it are as closed."""
    before = os.umask(0)
    try:
        store = SQLiteStore(tmp_path / "inbox.db")
        write(store, entry())
        modes = {
            file.name: stat.S_IMODE(file.stat().st_mode)
            for file in tmp_path.glob("inbox.db*")
        }
        store.close()
    finally:
        os.umask(before)

    assert 3 == len(modes)
    assert {0o600} == set(modes.values())


def test_a_reset_ends_the_threads() -> None:
    """A test-suite with a thousand applications has none of theirs left."""
    before = set(threading.enumerate())
    with inbox_of(FastAPI()) as kept:
        push(event="lost")
        assert kept.handle.flush(10)
        new = set(threading.enumerate()) - before
        writers = [one for one in new if one.name == "steadfastapi-inbox"]
        assert 1 == len(writers)

        api.reset()

        writers[0].join(20)
        assert not writers[0].is_alive()

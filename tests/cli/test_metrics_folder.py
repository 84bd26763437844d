"""The directory that several workers share for their metrics."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

import pytest

from steadfastapi.cli.metrics_folder import VARIABLE, FolderError, metrics_folder


def test_several_workers_get_one_for_as_long_as_they_live(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In a variable that they inherit."""
    monkeypatch.delenv(VARIABLE, raising=False)
    with metrics_folder(2):
        folder = Path(os.environ[VARIABLE])
        assert folder.is_dir()
    assert (False, None) == (folder.exists(), os.environ.get(VARIABLE))


def test_one_worker_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its metrics stay in memory, with exemplars."""
    monkeypatch.delenv(VARIABLE, raising=False)
    with metrics_folder(1):
        assert VARIABLE not in os.environ


@pytest.mark.parametrize("name", ["customers.db", "notes.txt"])
def test_one_that_holds_something_else_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    """Nothing is deleted that might be somebody's."""
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    (tmp_path / name).touch()
    with pytest.raises(FolderError, match=name), metrics_folder(2):
        pass
    assert (tmp_path / name).exists()


def test_one_that_a_server_uses_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its counters would be gone."""
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    path = tmp_path / f"counter_{os.getpid()}.db"
    path.write_bytes(b"x")
    with (
        path.open("r+b") as file,
        mmap.mmap(file.fileno(), 0),
        pytest.raises(FolderError, match=f"process {os.getpid()}"),
        metrics_folder(2),
    ):
        pass
    assert path.exists()


def test_one_that_cannot_be_made_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With the variable that names it."""
    (tmp_path / "file").touch()
    monkeypatch.setenv(VARIABLE, str(tmp_path / "file" / "below"))
    with pytest.raises(FolderError, match=VARIABLE), metrics_folder(2):
        pass


def test_a_named_one_is_made_and_emptied_of_an_earlier_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The directory stays."""
    folder = tmp_path / "a" / "b"
    monkeypatch.setenv(VARIABLE, str(folder))
    with metrics_folder(2):
        names = ["counter_999999999.db", "counter_0.db", "steadfastapi.journal"]
        for name in names:
            (folder / name).touch()
    with metrics_folder(2):
        assert [] == list(folder.iterdir())
    assert folder.is_dir()

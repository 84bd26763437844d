"""The directory that several workers share for their metrics."""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
ARCHIVE = "0"
"""Stands for dead workers in a file's name."""
_OURS = re.compile(r"steadfastapi[.].+|.+[.]merged")


class FolderError(Exception):
    """The directory cannot be used; the message says why."""


@contextmanager
def metrics_folder(workers: int) -> Iterator[None]:
    """Make it, empty, before prometheus_client is imported; remove what was made.

    A directory that the operator names is made if it is missing, and emptied of what
    an earlier run has left: only the supervisor knows that none of its workers lives.
    One worker needs none.

    Args:
        workers: How many there will be.

    Raises:
        FolderError: The directory cannot be made, holds something else, or belongs
            to processes that live.
    """
    given = os.environ.get(VARIABLE)
    if given:
        try:
            _empty(Path(given))
        except OSError as error:
            raise FolderError(f"{VARIABLE} is {given!r}: {error}.") from error
        yield
    elif workers > 1:
        with tempfile.TemporaryDirectory(prefix="steadfastapi-metrics-") as made:
            os.environ[VARIABLE] = made
            try:
                yield
            finally:
                del os.environ[VARIABLE]
    else:
        yield


def _empty(folder: Path) -> None:
    from steadfastapi.metrics.merged import value_files  # noqa: PLC0415 - if named
    from steadfastapi.metrics.multiprocess import is_alive  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    values = {file.path.name: file for file in value_files(folder)}
    memory: dict[str, bytes | None] = {}
    for path in folder.iterdir():
        if path.name not in values and not _OURS.fullmatch(path.name):
            raise FolderError(
                f"{VARIABLE} is {str(folder)!r}, which holds {path.name!r}: name a "
                "directory that is for the metrics alone."
            )
    for file in values.values():
        if file.pid != ARCHIVE and is_alive(file, memory):
            raise FolderError(
                f"{VARIABLE} is {str(folder)!r}, which process {file.pid} uses: name "
                "another directory, or stop that server first."
            )
    for path in folder.iterdir():
        path.unlink()

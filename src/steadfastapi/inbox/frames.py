"""Places in code, as people read them: file, function, line of source."""

from __future__ import annotations

import linecache
import os
import sys
import sysconfig
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from steadfastapi._scrub import truncate
from steadfastapi._secrets import masked_code
from steadfastapi.inbox.entry import Frame

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steadfastapi.inbox.capture import Place

MAX_FILE = 160
MAX_FUNCTION = 96
MAX_SOURCE = 160
_PACKAGES = tuple(
    f"{os.sep}{name}{os.sep}" for name in ("site-packages", "dist-packages")
)
_ROOT = str(Path(__file__).parents[2]) + os.sep
_FOREIGN = (
    str(Path(__file__).parents[1]) + os.sep,
    sysconfig.get_path("stdlib") + os.sep,
    sysconfig.get_path("platstdlib") + os.sep,
    "<frozen",
    "<string>",
)


def frames_of(places: Iterable[Place]) -> tuple[Frame, ...]:
    """Return frames with their lines of code; reads files that are not cached yet."""
    return tuple(
        Frame(
            file=_shown(code.co_filename),
            line=line,
            function=truncate(code.co_qualname, MAX_FUNCTION),
            source=_source(code.co_filename, line),
            in_app=is_in_app(code.co_filename),
        )
        for code, line in places
    )


@lru_cache(maxsize=2048)
def is_in_app(filename: str) -> bool:
    """Return whether a file is the application's: in no package, and not Python's."""
    if any(mark in filename for mark in _PACKAGES):
        return False
    return not filename.startswith(_FOREIGN)


@lru_cache(maxsize=2048)
def _shown(filename: str) -> str:
    for mark in _PACKAGES:
        before, found, inside = filename.rpartition(mark)
        if found:
            return inside[-MAX_FILE:] if before else filename[-MAX_FILE:]
    if filename.startswith(_FOREIGN[0]):  # installed in editable mode
        return filename.removeprefix(_ROOT)[-MAX_FILE:]
    for folder in _folders():
        if filename.startswith(f"{folder}{os.sep}"):
            return filename.removeprefix(f"{folder}{os.sep}")[-MAX_FILE:]
    return filename[-MAX_FILE:]


def _folders() -> list[str]:
    """Return what paths are shown without: the same on all machines, and shorter."""
    imported = sorted(filter(None, map(str, sys.path)), key=len, reverse=True)
    try:
        return [str(Path.cwd()), *imported]
    except OSError:  # the working directory is gone
        return imported


@lru_cache(maxsize=4096)
def _source(filename: str, line: int | None) -> str:
    # The file may have changed since it was imported; nobody can tell.
    text = linecache.getline(filename, line or 0).strip()
    return masked_code(text[: MAX_SOURCE * 2])[:MAX_SOURCE] if text else ""

"""What the workers of one server on one machine share: a private folder.

Below the folder for temporary files, readable by this user only. A folder that is
somebody else's is not used; where none can be made, each worker is by itself.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import secrets
import stat
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from steadfastapi._service import worker_count

if TYPE_CHECKING:
    from collections.abc import Iterable

SECRET_BYTES = 32
OLD = 7 * 24 * 3600.0
"""Seconds after which a file of a server that is long gone is removed."""


class Folder:
    """Files that mark something until a time; the folder is made with the first one.

    Args:
        path: Of the folder.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def mark(self, name: str, until: float) -> None:
        """Mark a name until a Unix time, and forget marks that are over.

        Raises:
            OSError: There can be no folder, or it is not ours alone.
        """
        for one in (self._path.parent, self._path):
            one.mkdir(mode=0o700, exist_ok=True)
            _must_be_ours(one)
        file = self._path / _hashed(name)
        file.touch(mode=0o600)
        os.utime(file, (until, until))
        _forget(self._path.iterdir(), time.time())

    def is_marked(self, name: str) -> bool:
        """Return whether a name is marked."""
        if not (self._path / _hashed(name)).exists():
            return False
        _must_be_ours(self._path.parent)
        _must_be_ours(self._path)
        return True


def folder(secret: bytes) -> Folder | None:
    """Return the folder of all workers that know a secret; None where none can be."""
    home = _home()
    if home is None:
        return None
    return Folder(home / f"ended-{hashlib.sha256(secret).hexdigest()[:32]}")


def several_processes() -> bool:
    """Return whether this process is one of several workers, as far as that shows.

    Workers of uvicorn, and its reloader's child, are children of a process.
    """
    return multiprocessing.parent_process() is not None or (worker_count() or 1) > 1


def common_secret(service: str) -> tuple[bytes, bool]:
    """Return a random secret that all workers of this server share.

    The first one makes it, and is told so; its file outlives none of the server's
    restarts, because the name is of the server's process.

    Args:
        service: Name of what is served.

    Returns:
        The secret, and whether this process has made it.
    """
    fresh = secrets.token_bytes(SECRET_BYTES)
    home = _home() if several_processes() else None
    if home is None:
        return fresh, True
    file = home / f"secret-{_hashed(f'{_server()} {service}')}"
    try:
        home.mkdir(mode=0o700, exist_ok=True)
        _must_be_ours(home)
        return _created_or_read(file, fresh)
    except OSError:
        return fresh, True


def common_file(name: str) -> Path | None:
    """Return the path of a file that the workers of this server share.

    None where there is one worker only, or no folder of our own.
    """
    home = _home() if several_processes() else None
    return None if home is None else home / f"{name}-{_hashed(_server())}"


def write(file: Path, data: bytes) -> None:
    """Write a file in one step, so that nobody reads half of it.

    Raises:
        OSError: There can be no folder, or it is not ours alone.
    """
    file.parent.mkdir(mode=0o700, exist_ok=True)
    _must_be_ours(file.parent)
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_bytes(data)
    draft.replace(file)


def read(file: Path) -> bytes:
    """Return what a worker of this server has written.

    Raises:
        OSError: There is no such file, or it is not ours alone.
    """
    _must_be_ours(file.parent)
    return file.read_bytes()


def _created_or_read(file: Path, fresh: bytes) -> tuple[bytes, bool]:
    """Write a file in one step, so that nobody reads half of it."""
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_bytes(fresh)
    try:
        file.hardlink_to(draft)
    except FileExistsError:
        return file.read_bytes(), False
    finally:
        draft.unlink()
    _forget(file.parent.glob("secret-*"), time.time() - OLD)
    return fresh, True


def _forget(files: Iterable[Path], before: float) -> None:
    """Remove files that were last changed before a Unix time."""
    for file in files:
        with suppress(OSError):  # another worker was faster
            if file.lstat().st_mtime < before:
                file.unlink()


def _home() -> Path | None:
    if not hasattr(os, "geteuid"):
        return None  # Windows, where temporary files are the user's anyhow
    return Path(tempfile.gettempdir()) / f"steadfastapi-{os.geteuid()}"


def _must_be_ours(path: Path) -> None:
    found = path.lstat()
    if (
        not stat.S_ISDIR(found.st_mode)
        or found.st_uid != os.geteuid()
        or found.st_mode & 0o077
    ):
        raise PermissionError(f"{path} is not this user's alone")


def _server() -> str:
    """Return what tells the process that started the workers from every other one."""
    parent = os.getppid()
    with suppress(OSError, IndexError):
        line = Path(f"/proc/{parent}/stat").read_text(
            encoding="ascii", errors="replace"
        )
        started = line.rpartition(")")[2].split()[19]
        return f"{parent} {started}"
    return str(parent)


def _hashed(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:40]

"""Which store an address means: `sqlite:///…`, `postgresql://…`, `redis://…`."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from steadfastapi.exceptions import MissingExtraError

if TYPE_CHECKING:
    from steadfastapi.inbox.store import Store

DEFAULT = "sqlite:///steadfast-inbox.db"
"""In the working directory, where `steadfastapi inbox` looks for it."""
SQLITE = ("sqlite",)
POSTGRES = ("postgresql", "postgres")
REDIS = ("redis", "rediss", "unix")
EXAMPLES = "sqlite:///inbox.db, postgresql://user@host/database, redis://host:6379/0"


def check(url: str) -> str:
    """Return an address that names a store.

    Raises:
        ValueError: It does not; the sentence shows no password.
    """
    scheme, mark, _ = url.partition(":")
    if not mark or scheme not in SQLITE + POSTGRES + REDIS:
        raise ValueError(f"name a store: {EXAMPLES}")
    if scheme in SQLITE and _file(url) in ("", ":memory:"):
        raise ValueError("name a file: sqlite:///inbox.db")
    return url


def store_of(url: str) -> Store:
    """Return the store of a checked address.

    Raises:
        MissingExtraError: Its package is not installed.
    """
    scheme = url.partition(":")[0]
    if scheme in SQLITE:
        from steadfastapi.inbox.sqlite import SQLiteStore  # noqa: PLC0415

        return SQLiteStore(file_of(url))
    if scheme in POSTGRES:
        _require("asyncpg", "postgres")
        from steadfastapi.inbox.postgres import PostgresStore  # noqa: PLC0415

        return PostgresStore(url)
    _require("redis", "redis")
    from steadfastapi.inbox.redis import RedisStore  # noqa: PLC0415

    return RedisStore(url)


def starts_at_once(url: str) -> bool:
    """Return whether the store is opened when the application starts.

    A file that is not there yet waits for the first error: most processes that
    import an application, tests and scripts, have none.
    """
    return url.partition(":")[0] not in SQLITE or file_of(url).exists()


def file_of(url: str) -> Path:
    """Return the file of a SQLite address.

    The default one is in the working directory. Where that cannot be written, as in
    most containers, and in test runs, which should leave nothing in a checkout, it is
    in a folder of this user below the system's temporary one.
    """
    path = Path(_file(url))
    if url != DEFAULT or path.exists():
        return path
    try:
        folder = Path.cwd()
    except OSError:  # it was deleted
        return path
    if os.access(folder, os.W_OK) and "PYTEST_VERSION" not in os.environ:
        return path
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    private = _private_folder()
    return path if private is None else private / f"{name}.db"


def _private_folder() -> Path | None:
    """Return a folder that nobody else can write to or read from, if there can be."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"steadfast-inbox-{user}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return None
    # Somebody else may have been first, in a folder that all may write to.
    ours = not hasattr(os, "getuid") or found.st_uid == user
    closed = os.name == "nt" or not found.st_mode & 0o077
    return folder if stat.S_ISDIR(found.st_mode) and ours and closed else None


def without_password(url: str) -> str:
    """Return an address as it may be shown."""
    scheme = url.partition(":")[0]
    if scheme in SQLITE:
        return url
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{scheme}://{parts.hostname or ''}{port}{parts.path}"


def _file(url: str) -> str:
    path = url.removeprefix("sqlite:")
    if path.startswith("//"):
        path = path.removeprefix("//").removeprefix("/")
        return unquote(path)
    return unquote(path)


def _require(package: str, extra: str) -> None:
    if find_spec(package) is None:
        raise MissingExtraError(
            f"Inbox(url=…) needs the package {package}, which is not installed: "
            f"pip install 'steadfastapi[{extra}]'."
        )

"""Which store an address means: `sqlite:///…`, `postgresql://…`, `redis://…`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from steadfastapi.exceptions import MissingExtraError

if TYPE_CHECKING:
    from steadfastapi.inbox.store import Store

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

        return SQLiteStore(_file(url))
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
    return url.partition(":")[0] not in SQLITE or Path(_file(url)).exists()


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

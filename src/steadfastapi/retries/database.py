"""Which database errors are worth another attempt, and which writes they may repeat.

Decided by SQLSTATE, by whether the connection is lost, and by whether there was one at
all; never by class alone: `OperationalError` is none of asyncpg's transient failures,
and with psycopg also a statement timeout and a wrong role (RETRY-7).
"""

from __future__ import annotations

import errno
import os
import sys
from typing import Any, Literal

from steadfastapi.retries.frames import passed_through

Verdict = Literal["safe", "unsent", "doubt", "never"]
"""`safe`: nothing has happened, or all of it was undone. `unsent`: the same, if it was
in a transaction whose COMMIT was not sent. `doubt`: it may have happened. `never`:
another attempt would end the same way."""

UNDONE = frozenset(
    {
        "40001",  # serialization_failure, also at COMMIT
        "40P01",  # deadlock_detected
        "53300",  # too_many_connections
        "55P03",  # lock_not_available, e.g. lock_timeout
        "57P03",  # cannot_connect_now
    }
)
"""SQLSTATEs after which the server has undone, or never begun, the transaction."""

LOST = frozenset({"25P03", "57P01", "57P02"})
"""SQLSTATEs with which the server ends a connection, beside class 08."""

_CONNECTING = {
    "asyncpg.connect_utils": frozenset({"_connect", "_connect_addr"}),
    "psycopg.connection": frozenset({"connect"}),
    "psycopg.connection_async": frozenset({"connect"}),
    # Every driver, SQLAlchemy's first questions to a new connection included.
    "sqlalchemy.pool.base": frozenset({"__connect"}),
}
"""While connecting nothing has been sent; the same types of errors mean something else
later, e.g. asyncpg's `command_timeout`."""

_FATAL = (
    "in recovery mode",
    "not yet accepting connections",
    "remaining connection slots",
    "shutting down",
    "starting up",
    "too many",
)
"""psycopg has no SQLSTATE while connecting: what the server says instead. A server that
speaks another language is not retried, which is the safe side."""

_NETWORK = (
    *(
        os.strerror(number)
        for number in (
            errno.ECONNABORTED,
            errno.ECONNREFUSED,
            errno.ECONNRESET,
            errno.EHOSTUNREACH,
            errno.ENETUNREACH,
            errno.EPIPE,
            errno.ETIMEDOUT,
        )
    ),
    "could not translate host name",
    "failed to resolve host",
    "server closed the connection unexpectedly",
    "timeout expired",
)

_SQLITE_BUSY = frozenset({5, 6})
"""SQLITE_BUSY and SQLITE_LOCKED, the low byte of every extended code."""


def judge(error: BaseException) -> Verdict:
    """Return what another attempt after `error` would be.

    Covers SQLAlchemy on asyncpg, psycopg, sqlite3 and aiosqlite, and the drivers by
    themselves. Nothing is imported: an error of a library that is not loaded cannot
    be one of its.
    """
    lost = False
    cause: Any = error
    exc: Any = sys.modules.get("sqlalchemy.exc")
    if exc is not None and isinstance(error, exc.SQLAlchemyError):
        if not isinstance(error, exc.DBAPIError):
            return "never"  # its own, such as an exhausted pool
        cause, lost = error.orig, error.connection_invalidated
    sqlite: Any = sys.modules.get("sqlite3")
    if sqlite is not None and isinstance(cause, sqlite.Error):
        code = getattr(cause, "sqlite_errorcode", None)
        return "safe" if code is not None and code & 0xFF in _SQLITE_BUSY else "never"
    state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None) or ""
    if state in UNDONE:
        return "safe"
    gone = state in LOST or state.startswith("08")
    if _connecting(error) or _connecting(cause):
        return "safe" if gone or (not state and _is_network(cause)) else "never"
    return "unsent" if gone or lost else "never"


def _connecting(error: Any) -> bool:
    return isinstance(error, BaseException) and passed_through(error, _CONNECTING)


def _is_network(error: Any) -> bool:
    """Return whether the server was not reached, or asked to come back later."""
    if isinstance(error, OSError):
        ssl: Any = sys.modules.get("ssl")
        refused = (PermissionError,) if ssl is None else (PermissionError, ssl.SSLError)
        return not isinstance(error, refused)
    psycopg: Any = sys.modules.get("psycopg")
    if psycopg is None or not isinstance(error, psycopg.OperationalError):
        return False
    if isinstance(error, psycopg.errors.ConnectionTimeout):
        return True
    text = str(error)
    _, fatal, reason = text.partition("FATAL:")
    if fatal:
        return any(phrase in reason for phrase in _FATAL)
    return any(phrase in text for phrase in _NETWORK)

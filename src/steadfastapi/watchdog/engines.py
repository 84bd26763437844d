"""SQLAlchemy engines: how their pools stand, and how long the database takes.

A few methods of this one engine's pool and dialect are wrapped. SQLAlchemy's events
tell neither of the wait for a connection nor of the end of a COMMIT, and an engine that
has a single listener pays for all of them: 35 µs for a connection, a statement and a
rollback, where this takes 15 (measured).
"""

from __future__ import annotations

import weakref
from collections import defaultdict
from time import perf_counter
from typing import Any

from steadfastapi._counts import counts
from steadfastapi._guard import guard
from steadfastapi.exceptions import ConfigurationError
from steadfastapi.signals import (
    DB_OPERATION_DURATION,
    DB_POOL_CONNECTIONS,
    DB_POOL_SIZE,
    DB_POOL_TIMEOUTS,
    DB_POOL_WAIT,
    OTHER,
)

COMMIT, ROLLBACK = "COMMIT", "ROLLBACK"
_STATEMENTS = {
    "DELETE": "DELETE",
    "INSERT": "INSERT",
    "SELECT": "SELECT",
    "UPDATE": "UPDATE",
    "WITH": "SELECT",
}
"""By first word."""
_BEGUN = "steadfastapi_begun"
"""Left on a connection that has executed something: without it a ROLLBACK is the
pool's, which rolls back all that comes back to it, and nobody's operation."""

_watched: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
_told: set[str] = set()


def watch_engine(engine: Any, name: str | None = None) -> None:
    """Watch an engine; see `Stack.watch_engine`."""
    engine = getattr(engine, "sync_engine", engine)
    while hasattr(engine, "_proxied"):  # of `engine.execution_options()`
        engine = engine._proxied  # noqa: SLF001
    if not hasattr(engine, "pool") or not hasattr(engine, "dialect"):
        raise ConfigurationError(
            f"watch_engine() takes an engine of SQLAlchemy, what create_engine() or "
            f"create_async_engine() returned, and got {type(engine).__name__}."
        )
    known = _watched.get(engine)
    name = name or known or str(engine.dialect.name)
    if known is not None:
        if known != name:
            raise ConfigurationError(
                f"watch_engine(name={name!r}): this engine is watched as {known!r} "
                "already; watch it once."
            )
        return
    _watched[engine] = name
    _time_waits(engine.pool, name)
    _time_operations(engine.dialect, name)
    counts.declare(DB_POOL_TIMEOUTS, name)
    guard.call("watchdog.engines", sample)


def sample() -> None:
    """Tell how the pools stand; engines of one name are added up."""
    found: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    for engine, name in list(_watched.items()):
        pool = engine.pool
        try:
            used, idle, size = pool.checkedout(), pool.checkedin(), pool.size()
        except AttributeError:
            continue  # keeps nothing, or one connection a thread
        overflow = getattr(pool, "_max_overflow", 0)
        most = float("inf") if overflow < 0 or size == 0 else size + overflow
        found[name] = [
            one + more
            for one, more in zip(found[name], (used, idle, most), strict=True)
        ]
    for name in _told - found.keys():  # their engines are gone
        found[name] = [0.0, 0.0, 0.0]
    _told.update(found)
    for name, (used, idle, most) in found.items():
        counts.set(DB_POOL_CONNECTIONS, used, name, "used")
        counts.set(DB_POOL_CONNECTIONS, idle, name, "idle")
        counts.set(DB_POOL_SIZE, most, name)


def reset() -> None:
    """Forget all engines, for tests; listeners stay with them."""
    _watched.clear()
    _told.clear()


def _time_waits(pool: Any, name: str) -> None:
    """Time how long this pool, and each that replaces it, takes for a connection."""
    from sqlalchemy.exc import TimeoutError as PoolTimeout  # noqa: PLC0415

    connect, recreate = type(pool).connect, type(pool).recreate
    reference = weakref.ref(pool)  # what is kept on it must not keep it

    def timed() -> Any:
        began = perf_counter()
        try:
            return connect(reference())
        except PoolTimeout:
            counts.add(DB_POOL_TIMEOUTS, name)
            raise
        finally:
            counts.observe(DB_POOL_WAIT, perf_counter() - began, name)

    def replaced() -> Any:  # by `engine.dispose()`
        successor = recreate(reference())
        _time_waits(successor, name)
        return successor

    pool.connect = timed
    pool.recreate = replaced


def _time_operations(dialect: Any, name: str) -> None:
    """Time statements, and the ends of transactions that executed any."""
    for method in ("do_execute", "do_execute_no_params", "do_executemany"):
        wrapped = _statement(getattr(type(dialect), method), dialect, name)
        setattr(dialect, method, wrapped)
    for method, operation in (("do_commit", COMMIT), ("do_rollback", ROLLBACK)):
        wrapped = _end(getattr(type(dialect), method), dialect, name, operation)
        setattr(dialect, method, wrapped)


def _statement(method: Any, dialect: Any, name: str) -> Any:
    reference = weakref.ref(dialect)

    def timed(cursor: Any, sql: Any, *args: Any, **kwargs: Any) -> None:
        began = perf_counter()
        try:
            method(reference(), cursor, sql, *args, **kwargs)
        finally:
            seconds = perf_counter() - began
            context = kwargs.get("context") or (args[-1] if args else None)
            guard.call("watchdog.engines", _executed, name, sql, context, seconds)

    return timed


def _end(method: Any, dialect: Any, name: str, operation: str) -> Any:
    reference = weakref.ref(dialect)

    def timed(connection: Any) -> None:
        began = perf_counter()
        try:
            method(reference(), connection)
        finally:
            seconds = perf_counter() - began
            if _info(connection).pop(_BEGUN, False):
                counts.observe(DB_OPERATION_DURATION, seconds, name, operation)

    return timed


def _executed(name: str, sql: str, context: Any, seconds: float) -> None:
    _info(getattr(context, "_dbapi_connection", None))[_BEGUN] = True
    operation = _operation(sql, context)
    counts.observe(DB_OPERATION_DURATION, seconds, name, operation)


def _info(connection: Any) -> dict[str, Any]:
    """Return what SQLAlchemy keeps with a connection; some have nothing."""
    try:
        info: dict[str, Any] = connection.info
    except Exception:
        return {}
    return info


def _operation(sql: str, context: Any) -> str:
    first = sql.lstrip(" \t\r\n(")[:7].split(None, 1)
    word = first[0].upper() if first else ""
    if word == "WITH":  # what follows decides, and may be far away
        if getattr(context, "isinsert", False):
            return "INSERT"
        if getattr(context, "isupdate", False):
            return "UPDATE"
        if getattr(context, "isdelete", False):
            return "DELETE"
    return _STATEMENTS.get(word, OTHER)

"""Engines: their pools, and how long the database takes."""

import asyncio
import gc
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    Column,
    Engine,
    Integer,
    MetaData,
    NullPool,
    QueuePool,
    Table,
    create_engine,
    delete,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import create_async_engine

from steadfastapi import ConfigurationError
from steadfastapi.watchdog import engines
from steadfastapi.watchdog.engines import watch_engine
from watchdog.conftest import Heard

USERS = Table("users", MetaData(), Column("id", Integer))
WAIT, TIMEOUTS = "db_pool_wait_seconds", "db_pool_timeouts"
TIME = "db_operation_duration_seconds"


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database of the test's own."""
    return f"sqlite:///{tmp_path / 'test.db'}"


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """An engine with room for three connections, and a table."""
    engine = create_engine(
        url, poolclass=QueuePool, pool_size=2, max_overflow=1, pool_timeout=0.01
    )
    USERS.metadata.create_all(engine)
    yield engine
    engine.dispose()


def operations(heard: Heard, name: str) -> dict[str, int]:
    """Return how often each operation was timed."""
    return {
        key[2]: len(values)
        for key, values in heard.values.items()
        if key[:2] == (TIME, name)
    }


def pool(heard: Heard, name: str) -> list[float]:
    """Return connections in use, idle, and allowed."""
    engines.sample()
    return [
        heard.gauges["db_pool_connections", name, "used"],
        heard.gauges["db_pool_connections", name, "idle"],
        heard.gauges["db_pool_size", name],
    ]


def test_every_operation_is_timed_by_its_kind(engine: Engine, heard: Heard) -> None:
    """Also one that fails, and the transaction's end; what the pool does is not."""
    watch_engine(engine, "main")
    with engine.begin() as connection:
        connection.execute(insert(USERS), [{"id": 1}, {"id": 2}])
        connection.execute(select(USERS))
        connection.execute(text("  with x as (select 1) select * from x"))
        connection.execute(update(USERS).values(id=3))
        connection.execute(delete(USERS))
        connection.execute(text("PRAGMA foreign_keys=ON"))
    with pytest.raises(OperationalError), engine.begin() as connection:
        connection.execute(text("select nothing from nowhere"))
    with engine.connect():
        pass  # comes back to the pool, which rolls back

    assert {
        "SELECT": 3,
        "INSERT": 1,
        "UPDATE": 1,
        "DELETE": 1,
        "other": 1,
        "COMMIT": 1,
        "ROLLBACK": 1,
    } == operations(heard, "main")
    assert 3 == len(heard.values[WAIT, "main"])


def test_the_pool_is_sampled_and_its_timeouts_counted(
    engine: Engine, heard: Heard
) -> None:
    """Overflow is part of its size; a wait in vain is a wait."""
    watch_engine(engine, "main")
    held = [engine.connect() for _ in range(3)]
    with pytest.raises(PoolTimeout):
        engine.connect()
    busy = pool(heard, "main")
    for connection in held:
        connection.close()

    assert [3, 0, 3] == busy
    assert [0, 2, 3] == pool(heard, "main")
    assert 1 == heard.totals[TIMEOUTS, "main"]
    assert 4 == len(heard.values[WAIT, "main"])
    assert 0.01 <= max(heard.values[WAIT, "main"])


def test_a_new_pool_of_the_engine_is_watched_too(engine: Engine, heard: Heard) -> None:
    """`dispose` replaces it."""
    watch_engine(engine, "main")
    engine.dispose()
    with engine.connect():
        used = pool(heard, "main")

    assert [1, 0, 3] == used
    assert 1 == len(heard.values[WAIT, "main"])


def test_an_engine_is_watched_once(engine: Engine) -> None:
    """Under one name; its views with other options are the same engine."""
    watch_engine(engine, "main")
    watch_engine(engine, "main")
    watch_engine(engine)
    watch_engine(engine.execution_options(isolation_level="AUTOCOMMIT"))

    with pytest.raises(ConfigurationError, match="watched as 'main' already"):
        watch_engine(engine, "other")


def test_engines_of_one_name_are_added_up(
    engine: Engine, url: str, heard: Heard
) -> None:
    """As those are that have no name but their database's."""
    second = create_engine(url, pool_size=5, max_overflow=0)
    watch_engine(engine)
    watch_engine(second)
    with engine.connect(), second.connect():
        assert [2, 0, 8] == pool(heard, "sqlite")
    second.dispose()


def test_an_engine_is_not_kept_alive(url: str, heard: Heard) -> None:
    """Its gauges fall to 0."""
    engine = create_engine(url)
    watch_engine(engine, "short")
    with engine.connect():
        assert [1, 0, 15] == pool(heard, "short")
    engine.dispose()
    reference = weakref.ref(engine)
    del engine
    gc.collect()

    assert reference() is None
    assert [0, 0, 0] == pool(heard, "short")


def test_a_pool_that_keeps_nothing_is_not_sampled(url: str, heard: Heard) -> None:
    """Its operations and waits are timed all the same."""
    engine = create_engine(url, poolclass=NullPool)
    watch_engine(engine, "null")
    with engine.connect() as connection:
        connection.execute(text("select 1"))
    engines.sample()

    assert ("db_pool_size", "null") not in heard.gauges
    assert {"SELECT": 1} | {"ROLLBACK": 1} == operations(heard, "null")


def test_an_async_engine_is_watched(url: str, heard: Heard) -> None:
    """By its sync one."""
    engine = create_async_engine(url.replace("sqlite", "sqlite+aiosqlite"))
    watch_engine(engine, "async")

    async def run() -> list[float]:
        async with engine.begin() as connection:
            await connection.run_sync(USERS.metadata.create_all)
            await connection.execute(insert(USERS), {"id": 1})
            used = pool(heard, "async")
        await engine.dispose()
        return used

    assert [1, 0, 15] == asyncio.run(run())
    assert 1 == operations(heard, "async")["INSERT"]
    assert 1 == operations(heard, "async")["COMMIT"]


@pytest.mark.parametrize("given", [None, "sqlite://", object()])
def test_what_is_no_engine_is_refused(given: Any) -> None:
    """With what it should have been."""
    with pytest.raises(ConfigurationError, match="create_async_engine"):
        watch_engine(given)


def test_a_failure_of_ours_is_not_the_querys(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is counted."""
    from steadfastapi.testing import internal_errors

    def broken(*_: Any) -> str:
        raise RuntimeError

    watch_engine(engine, "main")
    monkeypatch.setattr(engines, "_operation", broken)
    with internal_errors() as errors, engine.connect() as connection:
        assert 1 == connection.execute(text("select 1")).scalar()

    assert {"watchdog.engines": 1} == dict(errors)

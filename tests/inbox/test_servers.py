"""PostgreSQL and Redis that are not there, do not answer, or come back."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from steadfastapi.exceptions import StoreError
from steadfastapi.inbox.postgres import PostgresStore
from steadfastapi.inbox.query import Query
from steadfastapi.inbox.redis import RedisStore
from support.inbox import POSTGRES_ADMIN, entry, postgres_store, redis_store, write
from support.redis import OwnRedis

if TYPE_CHECKING:
    from collections.abc import Callable

    from steadfastapi.inbox.store import Store

SILENT = {
    "postgresql": lambda port: PostgresStore(
        f"postgresql://u:hunter22@127.0.0.1:{port}/d", timeout=0.2
    ),
    "redis": lambda port: RedisStore(
        f"redis://:hunter22@127.0.0.1:{port}/0", timeout=0.2
    ),
}
each_silent = pytest.mark.parametrize("make", SILENT.values(), ids=SILENT)


@each_silent
def test_a_refused_connection_is_an_error(
    make: Callable[[int], Store], unused_tcp_port: int
) -> None:
    """To be tried again; no password in it."""
    store = make(unused_tcp_port)

    with pytest.raises(StoreError) as caught:
        write(store, entry())

    assert not caught.value.refused
    assert "hunter22" not in str(caught.value) + repr(store)
    store.close()


@each_silent
def test_a_server_that_never_answers_is_an_error_in_time(
    make: Callable[[int], Store], silent_port: int
) -> None:
    """NB-6: not after minutes."""
    store = make(silent_port)
    started = time.monotonic()

    with pytest.raises(StoreError):
        write(store, entry())

    assert time.monotonic() - started < 5
    store.close()


@pytest.mark.parametrize(
    "url", ["postgresql://h:not-a-port/d", "postgresql://h:1/?x=y"]
)
def test_an_odd_address_is_an_error(url: str) -> None:
    """Whatever the driver says about it."""
    with pytest.raises(StoreError):
        PostgresStore(url, timeout=0.2).open()


def test_an_odd_address_of_redis_is_an_error() -> None:
    """Whatever the driver says about it."""
    with pytest.raises(StoreError):
        RedisStore("redis://h:not-a-port/0").open()


def test_a_newer_schema_is_left_alone() -> None:
    """After a roll-back of the application, say."""
    with postgres_store() as make:
        store = make()
        store.open()
        url = store._url  # type: ignore[attr-defined]
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute("INSERT INTO steadfast_inbox.migrations VALUES (99)")

        with pytest.raises(StoreError, match="newer"):
            make().open()


def test_postgres_connections_that_die_are_replaced() -> None:
    """After a restart or a fail-over: the next try, or the one after, works."""
    with postgres_store() as make:
        store = make()
        write(store, entry())
        with psycopg.connect(POSTGRES_ADMIN, autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'steadfastapi-inbox' AND datname = %s",
                (store._url.rpartition("/")[2],),  # type: ignore[attr-defined]
            )
        for _ in range(5):
            try:
                write(store, entry())
            except StoreError:
                continue
            break

        assert 2 == len(store.entries(Query()).items)


def test_redis_that_restarts_is_found_again() -> None:
    """It has forgotten everything, and takes what is new."""
    with OwnRedis() as server:
        store = RedisStore(server.url, timeout=1)
        write(store, entry())
        server.kill()
        with pytest.raises(StoreError):
            write(store, entry())
        server.start()
        write(store, entry())

        assert 1 == len(store.entries(Query()).items)
        store.close()


@pytest.mark.parametrize("kind", [postgres_store, redis_store])
def test_a_child_process_connects_by_itself(
    kind: Callable[[], object],
) -> None:
    """NB-9: two processes on one connection would garble both."""
    with kind() as make:  # type: ignore[attr-defined]
        store = make()
        write(store, entry())

        child = os.fork()
        if child == 0:
            status = 1
            try:
                write(store, entry())
                status = 0
            finally:
                os._exit(status)
        _, status = os.waitpid(child, 0)
        write(store, entry())

        assert 0 == status
        assert 3 == len(store.entries(Query()).items)

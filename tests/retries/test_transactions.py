"""What attempts do to transactions is noted, and harms nobody."""

import asyncio
import contextvars
import subprocess
import sys

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

from steadfastapi import db_retry, retry
from steadfastapi.retries.transactions import active, watch
from steadfastapi.testing import internal_errors

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("instant")]


class FlakyError(Exception):
    """What is retried here."""


@pytest.mark.parametrize("isolation", [None, "AUTOCOMMIT"])
def test_begin_commit_and_autocommit_are_noted(isolation: str | None) -> None:
    """By every call that is going on, the outer one too."""
    options = {} if isolation is None else {"isolation_level": isolation}
    engine = create_engine("sqlite://", **options)
    notes = []

    @db_retry
    def inner() -> None:
        with engine.begin() as connection:
            connection.execute(text("SELECT 1"))
        call = active.get()
        assert call is not None
        assert call.outer is not None
        for one in (call, call.outer):
            assert one.work is not None
            notes.append((len(one.work.begun), one.work.sent, one.work.autocommit))

    db_retry(name="outer")(inner)()
    engine.dispose()
    assert [(1, 1, isolation == "AUTOCOMMIT")] * 2 == notes


async def test_what_was_committed_is_not_repeated_after_any_error() -> None:
    """An error of something else, after the COMMIT: only with `idempotent`."""
    engine = create_async_engine("sqlite+aiosqlite://")
    attempts = 0

    @retry(on=FlakyError)
    async def work() -> None:
        nonlocal attempts
        attempts += 1
        async with engine.begin() as connection:
            await connection.execute(text("SELECT 1"))
        raise FlakyError

    for function, expected in ((work, 1), (work.retry_with(idempotent=True), 3)):
        attempts = 0
        with pytest.raises(FlakyError):
            await function()
        assert expected == attempts
    await engine.dispose()


async def test_a_rollback_that_fails_leaves_the_original_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With a note; there is no other attempt."""
    engine = create_engine("sqlite://")
    attempts = 0

    def broken() -> None:
        raise LookupError

    @retry(on=FlakyError)
    def work() -> None:
        nonlocal attempts
        attempts += 1
        connection = engine.connect()
        connection.execute(text("SELECT 1"))
        monkeypatch.setattr(connection, "rollback", broken)
        raise FlakyError

    with pytest.raises(FlakyError) as caught:
        await asyncio.to_thread(work)
    monkeypatch.undo()
    engine.dispose()
    assert 1 == attempts
    assert ["Not repeated: LookupError while it was undone."] == caught.value.__notes__


def test_a_listener_that_fails_is_contained(monkeypatch: pytest.MonkeyPatch) -> None:
    """The application's statement works all the same."""
    engine = create_engine("sqlite://")

    def broken(_: object) -> bool:
        raise LookupError

    monkeypatch.setattr("steadfastapi.retries.transactions._is_autocommit", broken)

    @db_retry
    def work() -> int:
        with engine.connect() as connection:
            return int(connection.scalar(text("SELECT 7")) or 0)

    with internal_errors() as errors:
        assert 7 == work()
    engine.dispose()
    assert {"retries.transactions": 1} == dict(errors)


def test_without_a_call_nothing_is_noted() -> None:
    """The listeners are there, and idle."""
    watch()
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        connection.execute(text("SELECT 1"))
    engine.dispose()
    assert contextvars.copy_context().get(active) is None


def test_nothing_is_imported_for_what_is_not_used() -> None:
    """SQLAlchemy, drivers and httpx stay where they are."""
    program = """
import sys
from steadfastapi import CircuitOpenError, circuit_breaker, db_retry, http_retry
@db_retry
@http_retry
@circuit_breaker
def work():
    raise ConnectionError
try:
    work()
except ConnectionError:
    pass
wanted = {"sqlalchemy", "asyncpg", "psycopg", "sqlite3", "httpx", "fastapi",
          "prometheus_client", "sentry_sdk", "opentelemetry", "structlog"}
print(*sorted(wanted & set(sys.modules)))
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "" == ended.stdout.strip()

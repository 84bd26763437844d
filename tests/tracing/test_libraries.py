"""Client libraries are traced where their instrumentation is installed."""

import subprocess
import sys
from typing import Any

import anyio
import pytest
from opentelemetry.trace import SpanKind

from steadfastapi import testing
from steadfastapi.tracing import libraries
from support.receiver import HttpReceiver
from support.spans import attributes, traced

httpx = pytest.importorskip("httpx")
contrib = pytest.importorskip("opentelemetry.instrumentation.httpx")


def test_a_call_by_httpx_is_a_span_without_its_query_values() -> None:
    """Clients that exist already are traced as well."""
    with HttpReceiver() as server, httpx.Client(trust_env=False) as client:
        stack = traced(instrument=True)
        client.post(f"{server.endpoint}/pay?token=hunter2hunter2")
    (span,) = stack.tracing.ring
    assert SpanKind.CLIENT is span.kind
    assert "hunter2" not in str(attributes(span))
    assert "token=" in str(attributes(span))


def test_a_second_application_and_a_reset_leave_it_as_it_was() -> None:
    """Instrumented once, and not at all afterwards."""
    traced(instrument=True)
    traced(instrument=True)
    assert contrib.HTTPXClientInstrumentor().is_instrumented_by_opentelemetry
    testing.reset()
    assert not contrib.HTTPXClientInstrumentor().is_instrumented_by_opentelemetry


def test_instrumentation_by_the_application_is_left_alone() -> None:
    """It is neither doubled nor undone."""
    instrumentor = contrib.HTTPXClientInstrumentor()
    instrumentor.instrument()
    try:
        traced(instrument=True)
        testing.reset()
        assert instrumentor.is_instrumented_by_opentelemetry
    finally:
        instrumentor.uninstrument()


def test_only_what_is_installed_twice_is_traced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The library, and its instrumentation."""
    names = ("redis", "opentelemetry.instrumentation.redis", "httpx", "asyncpg")
    monkeypatch.setattr(libraries, "_is_installed", names.__contains__)
    assert ("redis",) == libraries.installed()


def test_a_name_that_cannot_be_looked_up_is_not_installed() -> None:
    """A parent package may be missing altogether."""
    assert not libraries._is_installed("no_such_package.inside")


SCRIPT = """
import sys
from fastapi import FastAPI
from steadfastapi import configure
stack = configure(FastAPI(), logs=False, metrics=False, sentry=False)
print("at once" if {"httpx", "sqlalchemy"} & set(sys.modules) else "later")
import httpx
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
print(HTTPXClientInstrumentor().is_instrumented_by_opentelemetry)
import asyncio
import sqlalchemy
from sqlalchemy.ext.asyncio import create_async_engine
async def query():
    async with create_async_engine("sqlite+aiosqlite://").connect() as connection:
        await connection.execute(sqlalchemy.text("SELECT 1"))
asyncio.run(query())
print([span.name for span in stack.tracing.ring].count("SELECT"))
"""


def test_a_library_is_instrumented_when_it_is_imported() -> None:
    """Nobody pays for the import of something unused; and it is traced once."""
    pytest.importorskip("aiosqlite")
    pytest.importorskip("opentelemetry.instrumentation.sqlalchemy")
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ["later", "True", "1"] == ended.stdout.split()


def _statements(ring: Any) -> list[str]:
    return [
        str(
            attributes(span).get("db.statement")
            or attributes(span).get("db.query.text")
        )
        for span in ring
        if span.name.startswith("SELECT")
    ]


def test_an_engine_made_before_configure_is_traced_once() -> None:
    """As most are: `engine = create_async_engine(…)` stands in a module."""
    sqlalchemy = pytest.importorskip("sqlalchemy")
    pytest.importorskip("opentelemetry.instrumentation.sqlalchemy")
    early = sqlalchemy.create_engine("sqlite://")
    stack = traced(instrument=True)
    late = sqlalchemy.create_engine("sqlite://")
    for engine in (early, early.execution_options(logging_token="x"), late):
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text("SELECT 1"))
    assert ["SELECT 1"] * 3 == _statements(stack.tracing.ring)
    testing.reset()
    again = traced(instrument=True)
    with early.connect() as connection:
        connection.execute(sqlalchemy.text("SELECT 2"))
    assert ["SELECT 2"] == _statements(again.tracing.ring)
    testing.reset()


def test_an_async_engine_made_before_configure_is_traced() -> None:
    """The function was imported before, so contrib could not replace it."""
    pytest.importorskip("aiosqlite")
    sqlalchemy = pytest.importorskip("sqlalchemy")
    pytest.importorskip("opentelemetry.instrumentation.sqlalchemy")
    from sqlalchemy.ext.asyncio import create_async_engine

    stack = traced(instrument=True)

    async def query() -> None:
        engine = create_async_engine("sqlite+aiosqlite://")
        async with engine.connect() as connection:
            await connection.execute(
                sqlalchemy.text("SELECT 'password=hunter2hunter2'")
            )
        await engine.dispose()

    anyio.run(query)
    assert ["SELECT 'password=[redacted]'"] == _statements(stack.tracing.ring)

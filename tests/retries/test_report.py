"""What people see of retries: log lines, span events, breadcrumbs."""

import asyncio
import contextlib
import logging
from typing import Any

import pytest
import sentry_sdk
from fastapi import FastAPI
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from sentry.harness import own_client
from steadfastapi import configure, retry
from steadfastapi.testing import internal_errors
from support.asgi import call

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("instant")]


class FlakyError(Exception):
    """What is retried here."""

    sqlstate = "40001"


@retry(on=FlakyError, name="down")
async def down() -> None:
    """Fail."""
    raise FlakyError("password=hunter2-hunter2")


async def test_each_retry_is_one_log_line(caplog: pytest.LogCaptureFixture) -> None:
    """With operation, attempt, wait, type and SQLSTATE, and no text of the error."""
    with caplog.at_level(logging.WARNING), pytest.raises(FlakyError):
        await down()
    facts = [
        tuple(
            vars(record).get(name)
            for name in ("operation", "attempt", "wait_ms", "reason", "sqlstate")
        )
        for record in caplog.records
        if record.name == "steadfastapi.retries"
    ]
    assert [
        ("down", 1, 0, None, "40001"),
        ("down", 2, 0, None, "40001"),
        ("down", 3, None, "attempts", "40001"),
    ] == facts
    assert "hunter2" not in caplog.text


async def test_an_attempt_that_works_says_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nor does a failure that no attempt would change."""

    @retry(on=FlakyError)
    async def work(error: type[Exception] | None) -> None:
        if error is not None:
            raise error

    with caplog.at_level(logging.DEBUG, "steadfastapi"):
        await work(None)
        with pytest.raises(KeyError):
            await work(KeyError)
    assert [] == caplog.records


async def test_each_attempt_is_an_event_of_the_span() -> None:
    """Of the span that is recording; without one there is nothing to say."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    with tracer.start_as_current_span("work"), contextlib.suppress(FlakyError):
        await down()
    (span,) = exporter.get_finished_spans()
    assert ["retry"] * 3 == [event.name for event in span.events]
    attributes = [dict(event.attributes or {}) for event in span.events]
    assert [1, 2, 3] == [one["retry.attempt"] for one in attributes]
    assert "attempts" == attributes[-1]["retry.reason"]


async def test_sentry_gets_the_original_error_with_its_attempts() -> None:
    """One event, and one breadcrumb an attempt."""
    with own_client() as receiver:
        app = FastAPI()
        configure(app, logs=False)
        app.get("/")(down)
        assert 503 == (await call(app)).status
        await asyncio.to_thread(sentry_sdk.flush, 5)
        (event,) = receiver.events()
    assert "FlakyError" == event["exception"]["values"][-1]["type"]
    crumbs: list[dict[str, Any]] = [
        crumb
        for crumb in event["breadcrumbs"]["values"]
        if crumb.get("category") in ("retry", "steadfastapi.retries")
    ]
    assert [1, 2, 3] == [crumb["data"]["attempt"] for crumb in crumbs]


async def test_a_report_that_fails_is_contained(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The attempts go on."""

    def broken(*_: object, **__: object) -> None:
        raise OSError

    monkeypatch.setattr("sentry_sdk.add_breadcrumb", broken)
    monkeypatch.setattr("opentelemetry.trace.get_current_span", broken)
    monkeypatch.setattr("steadfastapi.retries.report._logger.warning", broken)
    with internal_errors() as errors, pytest.raises(FlakyError):
        await down()
    assert {"retries.report": 9} == dict(errors)

"""ERROR records: of stdlib and structlog, with and without the layer of the logs."""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import Any

import pytest
import structlog
from fastapi import FastAPI
from starlette.testclient import TestClient

from steadfastapi import bind
from steadfastapi.inbox import log_watch
from support.inbox_apps import inbox_of

log = logging.getLogger("shop.stock")
each_way = pytest.mark.parametrize("logs", [None, False], ids=["logs on", "logs off"])


@each_way
def test_a_record_is_an_entry(logs: bool | None) -> None:
    """Grouped by its template and logger; what is below ERROR is none."""
    with inbox_of(FastAPI(), layers={"logs": logs}) as kept:
        log.warning("low")
        for number in (3, 4):
            log.error("no stock of %s", f"item-{number}", extra={"shelf": number})
        issues, entries = kept.issues(), kept.entries()

    assert [("log", 2, "no stock of item-4")] == [
        (one.event, one.count, one.title) for one in issues
    ]
    assert {"logger": "shop.stock", "shelf": 3} == entries[0].context


@each_way
def test_a_record_of_a_request_has_the_request(logs: bool | None) -> None:
    """With its bound fields; with an exception it waits for the end of it."""
    app = FastAPI()

    @app.get("/stock")
    def stock() -> str:
        bind(user_id="ada")
        log.error("empty")
        try:
            raise ValueError("caught")
        except ValueError:
            log.exception("went on")
        return "ok"

    with inbox_of(app, layers={"logs": logs}) as kept, TestClient(app) as client:
        client.get("/stock")
        entries = kept.entries()

    assert ["empty", "went on"] == [one.message for one in entries]
    assert [("/stock", "ada", None), ("/stock", "ada", 200)] == [
        (one.route, one.user, one.status) for one in entries
    ]
    assert ["ValueError"] == [fault.type for fault in entries[1].faults]


def test_structlog_is_heard_too() -> None:
    """With its fields; secrets masked."""
    with inbox_of(FastAPI()) as kept:
        structlog.get_logger("shop").error(
            "payment failed", order=7, api_key="hunter22"
        )
        (entry,) = kept.entries()

    assert ("payment failed", 7, "[redacted]") == (
        entry.message,
        entry.context["order"],
        entry.context["api_key"],
    )


def test_our_own_lines_are_not_heard() -> None:
    """The error line and the access line of a crash say what the entry says."""
    app = FastAPI()

    @app.get("/")
    def crash() -> None:
        raise ValueError("x")

    with inbox_of(app) as kept:
        with TestClient(app, raise_server_exceptions=False) as client:
            client.get("/")
        assert ["unhandled_exception"] == kept.events()


def test_it_does_not_hear_itself() -> None:
    """NB-14: an inbox that fails and logs it would never end."""
    with inbox_of(FastAPI()) as kept:
        for name in ("steadfastapi.inbox", "steadfastapi.inbox.writer"):
            logging.getLogger(name).error("x")
        logging.getLogger("steadfastapi.internal").error(
            "x", extra={"component": "inbox.store"}
        )
        assert () == kept.entries()


def test_it_can_be_switched_off() -> None:
    """Then records are lines and nothing else."""
    with inbox_of(FastAPI(), logs=False) as kept:
        log.error("x")
        assert () == kept.entries()


def test_a_record_that_cannot_be_formatted_is_kept() -> None:
    """With its template."""
    record = logging.makeLogRecord(
        {"msg": "%d items", "args": ("many",), "levelno": logging.ERROR}
    )

    with inbox_of(FastAPI(), layers={"logs": False}) as kept:
        log_watch.watch_record(record)
        (entry,) = kept.entries()

    assert "%d items" == entry.message


def test_an_exception_that_is_logged_again_is_one_entry() -> None:
    """By each of those that it passes, outside of requests."""
    with inbox_of(FastAPI()) as kept:
        try:
            raise ValueError("x")
        except ValueError:
            log.exception("inner")
            log.exception("outer")
        assert ["inner"] == [one.message for one in kept.entries()]


def test_a_record_is_heard_once() -> None:
    """Where one application has the layer of the logs and another has not."""
    with inbox_of(FastAPI(), layers={"logs": False}), inbox_of(FastAPI()) as kept:
        log.error("x")
        log.error("x")
        assert 2 == len(kept.entries())


@pytest.mark.parametrize("given", [None, (), (None, None, None), "x", True])
def test_exceptions_are_found_however_they_are_given(given: Any) -> None:
    """As logging calls take them."""
    error = ValueError("x")

    assert log_watch._exception_of(given) is None
    assert error is log_watch._exception_of(error)
    assert error is log_watch._exception_of((ValueError, error, None))
    try:
        raise error
    except ValueError:
        assert error is log_watch._exception_of(True)


def test_an_application_without_logging_is_heard_as_before() -> None:
    """Its warnings are on stderr, and `basicConfig` still works."""
    code = (
        "import logging; from fastapi import FastAPI; "
        "from steadfastapi import configure; "
        "configure(FastAPI(), logs=False, tracing=False, sentry=False); "
        "logging.getLogger('shop').warning('first'); "
        "logging.basicConfig(format='later: %(message)s'); "
        "logging.getLogger('shop').warning('second')"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert ["first", "later: second"] == ended.stderr.splitlines()[-2:]

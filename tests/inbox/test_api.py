"""What application code calls."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from steadfastapi.inbox import api
from steadfastapi.inbox.api import capture_exception, capture_message, push
from steadfastapi.testing import internal_errors
from support.inbox_apps import inbox_of, raised

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(autouse=True)
def _no_other_inbox() -> Iterator[None]:
    api.reset()
    yield
    api.reset()


def test_an_exception_with_its_context() -> None:
    """The one that is given, or the one being handled; secrets masked."""
    with inbox_of(FastAPI()) as kept:
        first = capture_exception(raised(ValueError("a")), order=7, token="hunter22")
        try:
            raise KeyError("b")
        except KeyError:
            second = capture_exception(level="warning")
        entries = kept.entries()

    assert [first, second] == [one.id for one in entries]
    assert [("error", "ValueError: a"), ("warning", "KeyError: 'b'")] == [
        (one.level, one.title) for one in entries
    ]
    assert {"order": 7, "token": "[redacted]"} == entries[0].context


def test_a_message() -> None:
    """Those that differ in numbers only are one issue."""
    with inbox_of(FastAPI()) as kept:
        for number in (1, 2):
            capture_message(f"order {number} is late", level="warning", order=number)
        (issue,) = kept.issues()

    assert ("message", "warning", 2) == (issue.event, issue.level, issue.count)


def test_an_event_of_ones_own() -> None:
    """As fastapi-flare's `push_log`; grouped by its name."""
    with inbox_of(FastAPI()) as kept:
        for text in ("declined", "expired"):
            push(
                level="ERROR",
                event="payment_failed",
                message=text,
                context={"order_id": "ord_123"},
            )
        (issue,) = kept.issues()
        entries = kept.entries()

    assert ("payment_failed", "error", 2) == (issue.event, issue.level, issue.count)
    assert ["declined", "expired"] == [one.message for one in entries]
    assert {"order_id": "ord_123"} == entries[0].context


def test_without_an_inbox_nothing_happens() -> None:
    """Code that calls it runs anywhere."""
    assert capture_exception(ValueError("x")) is None
    assert capture_exception() is None
    assert capture_message("x") is None
    assert push(event="x") is None


def test_calling_it_loads_no_store() -> None:
    """The functions are importable where the inbox is off."""
    code = (
        "import sys; from steadfastapi.inbox.api import push; push(event='x'); "
        "print([m for m in sys.modules if m.startswith('steadfastapi.inbox.')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert "['steadfastapi.inbox.api']" == done.stdout.strip()


def test_each_application_has_its_own() -> None:
    """Requests go to the inbox of whoever serves them."""
    apps = [FastAPI(), FastAPI()]
    for app in apps:
        app.add_api_route("/", lambda: push(event="here"))

    with inbox_of(apps[0]) as one, inbox_of(apps[1]) as other:
        for app in (apps[0], apps[0], apps[1]):
            TestClient(app).get("/")
        assert (2, 1) == (len(one.entries()), len(other.entries()))


@pytest.mark.parametrize(
    "call",
    [
        lambda: capture_exception(ValueError("x"), odd=object()),
        lambda: capture_message(None),  # type: ignore[arg-type]
        lambda: push(event=7, level=None, context=[1]),  # type: ignore[arg-type]
    ],
)
def test_it_never_raises(call: Callable[[], Any]) -> None:
    """NB-1: whatever it is given."""
    with inbox_of(FastAPI()), internal_errors():
        call()


def test_a_reset_forgets_an_inbox_that_does_not_end() -> None:
    """Its error is contained (`inbox.reset`), and the next test has none of it."""

    class Stubborn:
        def close(self) -> None:
            raise RuntimeError("no")

    stubborn: Any = Stubborn()
    api.activate(stubborn)
    with internal_errors() as errors:
        api.reset()

    assert 1 == errors["inbox.reset"]
    assert capture_message("nobody hears it") is None

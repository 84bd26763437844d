"""TP-8: no thread to be had, and an interpreter that ends."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

import orjson
import pytest

from steadfastapi.inbox.query import Query
from steadfastapi.inbox.sqlite import SQLiteStore
from support._process_runner import environment
from support.faults import BlackHole
from support.otlp import OtlpReceiver
from support.sentry import SentryReceiver

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.proof

ENDS_WITHIN = 5.0
"""Seconds from the last statement to the end, all backends black holes (NB-8)."""


class Threadless(NamedTuple):
    """What a process did without threads, and then with them."""

    told: dict[str, Any]
    events: list[str]
    """Request ids that Sentry has."""
    traces: list[str]
    written: int
    """Failures that the inbox has."""
    said: str


@pytest.fixture(scope="module")
def threadless(tmp_path_factory: pytest.TempPathFactory) -> Threadless:
    """Run `support.soak_threads` once for all tests."""
    inbox = tmp_path_factory.mktemp("threads") / "inbox.db"
    with SentryReceiver() as sentry, OtlpReceiver() as otlp:
        ended = subprocess.run(
            [sys.executable, "-m", "support.soak_threads"],
            env=environment(
                {
                    "ENVIRONMENT": "test",
                    "OTEL_EXPORTER_OTLP_ENDPOINT": otlp.endpoint,
                    "SENTRY_DSN": sentry.dsn,
                    "STEADFAST_INBOX_URL": f"sqlite:///{inbox}",
                }
            ),
            capture_output=True,
            text=True,
            check=True,
        )
        events = [one["tags"]["request_id"] for one in sentry.events()]
        traces = [span.trace_id for span in otlp.spans()]
    with closing(SQLiteStore(inbox)) as store:
        written = sum(
            issue.count
            for issue in store.issues(Query()).items
            if "wheels" in issue.title  # and not a line about what fails inside
        )
    return Threadless(orjson.loads(ended.stdout), events, traces, written, ended.stderr)


def test_tp_8_answers_need_no_thread(threadless: Threadless) -> None:
    """Where the system refuses every thread, requests are answered as ever."""
    first, second = threadless.told["answers"]

    assert [200, 500] == first == second[:2]


def test_tp_8_delivery_begins_when_there_are_threads_again(
    threadless: Threadless,
) -> None:
    """Events and entries of the time without wait for it; spans begin anew."""
    without, later = threadless.told["ids"]

    assert [without, later] == threadless.events
    assert later in threadless.traces
    assert 2 == threadless.written
    assert threadless.told["delivered"]


def test_tp_8_an_application_ends_without_a_thread(threadless: Threadless) -> None:
    """What cannot be delivered is lost; the server must not hear of it as an error."""
    assert ["", ""] == threadless.told["raised"]


def test_tp_8_lines_flow_again_when_there_are_threads(threadless: Threadless) -> None:
    """While the application runs, and not only when it ends."""
    assert threadless.told["answers"][1][2]


def end(env: dict[str, str], identity: str) -> tuple[str, float]:
    """Run `support.soak_exit`; returns what it wrote to stderr, and how long it took.

    Raises:
        CalledProcessError: It ended with an error.
    """
    began = time.monotonic()
    ended = subprocess.run(
        [sys.executable, "-m", "support.soak_exit", identity],
        env=environment({"ENVIRONMENT": "test", **env}),
        capture_output=True,
        text=True,
        check=True,
    )
    return ended.stderr, time.monotonic() - began


def test_tp_8_an_interpreter_that_ends_is_left_in_peace(tmp_path: Path) -> None:
    """No error at exit, nothing on stderr, and Sentry has what failed before it."""
    identity = uuid4().hex
    with SentryReceiver() as sentry, OtlpReceiver() as otlp:
        said, _ = end(
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": otlp.endpoint,
                "SENTRY_DSN": sentry.dsn,
                "STEADFAST_INBOX_URL": f"sqlite:///{tmp_path / 'inbox.db'}",
            },
            identity,
        )
        events = [one["tags"]["request_id"] for one in sentry.events()]

    assert "" == said
    assert identity in events


def test_tp_8_black_holes_do_not_keep_an_interpreter(tmp_path: Path) -> None:
    """It ends in time although nobody answers, and says nothing on stderr."""
    well, usual = end({}, "the-first-request")
    with BlackHole() as hole:
        said, took = end(
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{hole.port}",
                "SENTRY_DSN": f"http://public@127.0.0.1:{hole.port}/1",
                "STEADFAST_INBOX_URL": f"postgresql://a@127.0.0.1:{hole.port}/a",
            },
            "the-first-request",
        )

    assert ("", "") == (well, said)
    assert took - usual <= ENDS_WITHIN

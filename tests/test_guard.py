"""Errors of our own end in the guard."""

import asyncio
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from steadfastapi import _guard
from steadfastapi._guard import LOG_INTERVAL, MAX_CAUSES, Guard

COUNTED = 10_000


@pytest.fixture
def guard() -> Guard:
    """A guard that behaves as in production."""
    made = Guard()
    made.contain_under_pytest = True
    return made


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock that stands still: set `clock.now`."""
    found = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(_guard, "time", SimpleNamespace(monotonic=lambda: found.now))
    return found


def fail(message: str = "boom") -> None:
    """Raise, always on the same line."""
    raise ValueError(message)


def fail_elsewhere() -> None:
    """Raise the same on another line."""
    raise ValueError("boom")


def test_every_error_is_counted(guard: Guard) -> None:
    """By component, exactly, and told to who listens."""
    heard: list[str] = []
    guard.subscribe(heard.append)
    for _ in range(COUNTED):
        guard.call("metrics.observer", fail)
    guard.call("logs", fail)

    assert {"metrics.observer": COUNTED, "logs": 1} == guard.counts
    assert COUNTED + 1 == len(heard)


def test_threads_lose_no_count(guard: Guard) -> None:
    """Workers of a pool fail side by side."""

    def work() -> None:
        for _ in range(1000):
            guard.call("retries", fail)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {"retries": 4000} == guard.counts


def test_a_listener_that_left_hears_nothing(guard: Guard) -> None:
    """Leaving twice is no mistake."""
    heard: list[str] = []
    leave = guard.subscribe(heard.append)
    guard.call("a", fail)
    leave()
    leave()
    guard.call("a", fail)

    assert ["a"] == heard


def test_a_cause_is_logged_once_in_an_interval(
    guard: Guard, clock: SimpleNamespace, caplog: pytest.LogCaptureFixture
) -> None:
    """The first of many, with its component and traceback; then after 20 s again."""
    for _ in range(100):
        guard.call("metrics.observer", fail)
    clock.now += LOG_INTERVAL - 0.001
    guard.call("metrics.observer", fail)
    quiet = len(caplog.records)
    clock.now += 0.001
    guard.call("metrics.observer", fail)

    assert (20.0, 1, 2) == (LOG_INTERVAL, quiet, len(caplog.records))
    record = caplog.records[0]
    assert "metrics.observer" == vars(record)["component"]
    assert record.exc_info is not None
    assert ValueError is record.exc_info[0]


def test_another_place_type_or_component_is_another_cause(
    guard: Guard, clock: SimpleNamespace, caplog: pytest.LogCaptureFixture
) -> None:
    """The message makes no difference: it may hold an id."""
    guard.call("a", fail)
    guard.call("a", fail, "another message")
    guard.call("a", fail_elsewhere)
    guard.call("b", fail)
    guard.call("a", int, "no number")

    assert 4 == len(caplog.records)


def test_the_memory_of_causes_is_bounded(
    guard: Guard, clock: SimpleNamespace, caplog: pytest.LogCaptureFixture
) -> None:
    """Components are few, but nobody enforces it."""
    for number in range(MAX_CAUSES + 2):
        guard.call(f"component {number}", fail)

    assert len(guard._last_logged) <= MAX_CAUSES + 1


def test_an_error_of_the_logs_goes_to_stderr(
    guard: Guard, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """The log pipeline cannot report that it failed."""
    guard.call("logs.processor", fail)

    assert [] == caplog.records
    assert "component=logs.processor ValueError" in capsys.readouterr().err


def test_a_report_that_fails_is_counted_and_not_reported(guard: Guard) -> None:
    """Else an error of the logs would log itself without end."""

    class Nested(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            guard.call("nested", fail)
            fail()

    logger = logging.getLogger("steadfastapi.internal")
    handler = Nested()
    logger.addHandler(handler)
    try:
        guard.call("a", fail)
    finally:
        logger.removeHandler(handler)
    guard.call("a", fail)

    assert {"a": 2, "nested": 1} == guard.counts


def test_a_call_returns_what_the_function_returns(guard: Guard) -> None:
    """And None where it raised."""
    assert (7, None) == (guard.call("a", int, "7"), guard.call("a", int, "x"))


@pytest.mark.parametrize(
    "error", [asyncio.CancelledError(), KeyboardInterrupt(), SystemExit(3)]
)
def test_cancellation_and_interrupts_pass(guard: Guard, error: BaseException) -> None:
    """Only `Exception` is contained."""

    def interrupt() -> None:
        raise error

    with pytest.raises(type(error)):
        guard.call("a", interrupt)
    assert {} == guard.counts


def test_under_pytest_errors_are_raised() -> None:
    """A bug of ours fails the test that meets it, and is not counted."""
    strict = Guard()
    with pytest.raises(ValueError, match="boom"):
        strict.call("a", fail)
    assert {} == strict.counts


def test_an_application_under_pytest_fails_its_test(tmp_path: Path) -> None:
    """Somebody else's test-suite, in a process of its own, sees our bug."""
    (tmp_path / "test_app.py").write_text(
        "from fastapi import FastAPI\n"
        "from fastapi.testclient import TestClient\n"
        "from steadfastapi import configure\n"
        "class Broken:\n"
        "    name = 'broken'\n"
        "    def contribute(self, plan): plan.observe(lambda exchange: 1 / 0)\n"
        "def test_it():\n"
        "    app = FastAPI()\n"
        "    off = dict.fromkeys(['tracing', 'sentry', 'metrics', 'logs'], False)\n"
        "    configure(app, extra=[Broken()], **off)\n"
        "    TestClient(app).get('/')\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W"]
    ended = subprocess.run(
        [*command, "ignore", "test_app.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert 1 == ended.returncode, ended.stdout
    assert "ZeroDivisionError" in ended.stdout


def test_forgetting_starts_anew(
    guard: Guard, clock: SimpleNamespace, caplog: pytest.LogCaptureFixture
) -> None:
    """The next test sees the line that the last one has seen."""
    guard.call("a", fail)
    guard.forget()
    guard.call("a", fail)

    assert {"a": 1} == guard.counts
    assert 2 == len(caplog.records)

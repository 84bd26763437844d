"""Background tasks: how many, how old, how long, and how they end."""

import asyncio
import functools
import threading
from typing import Any

import anyio
import pytest
from fastapi import BackgroundTasks
from starlette.background import BackgroundTask
from starlette.responses import Response

from steadfastapi.watchdog import background
from support.asgi import call
from watchdog.conftest import Heard


@pytest.fixture(autouse=True)
def _installed() -> None:
    background.install()


def tasks(*functions: Any) -> BackgroundTasks:
    """Return tasks that run one after the other."""
    several = BackgroundTasks()
    for function in functions:
        several.add_task(function)
    return several


async def fine() -> None:
    """Work."""


def in_thread() -> None:
    """Work too."""
    assert threading.current_thread() is not threading.main_thread()


def fails() -> None:
    """Fail."""
    raise OSError("the printer is on fire")


def test_each_end_is_counted_by_name(heard: Heard) -> None:
    """Async, sync and partial functions; all outcomes start at 0."""
    anyio.run(tasks(fine, in_thread, functools.partial(fine)))

    assert 2 == heard.totals["background_tasks", "fine", "ok"]
    assert 1 == heard.totals["background_tasks", "in_thread", "ok"]
    assert 2 == len(heard.values["background_task_duration_seconds", "fine"])


def test_a_failure_passes_on_and_ends_what_waits(heard: Heard) -> None:
    """As Starlette does it: the tasks behind it never run."""
    with pytest.raises(OSError, match="on fire"):
        anyio.run(tasks(fails, fine))

    background.sample()
    assert 1 == heard.totals["background_tasks", "fails", "error"]
    assert 0 == heard.totals["background_tasks", "fine", "ok"]
    assert 0 == heard.gauges["background_tasks_pending", "fine"]


def test_a_cancelled_task_is_cancelled(heard: Heard) -> None:
    """And counted as that."""

    async def forever() -> None:
        await asyncio.sleep(60)

    async def run() -> None:
        task = asyncio.ensure_future(BackgroundTask(forever)())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    anyio.run(run)

    name = "test_a_cancelled_task_is_cancelled.forever"
    assert 1 == heard.totals["background_tasks", name, "cancelled"]


def test_what_waits_has_an_age(heard: Heard) -> None:
    """From when the response was sent, until the task has ended."""
    entered, release = threading.Event(), threading.Event()

    def slow() -> None:
        entered.set()
        assert release.wait(20)

    name = "test_what_waits_has_an_age.slow"
    thread = threading.Thread(target=anyio.run, args=(tasks(slow, fine, fine),))
    thread.start()
    assert entered.wait(20)
    background.sample()
    pending = [heard.gauges["background_tasks_pending", one] for one in (name, "fine")]
    age = heard.gauges["background_tasks_oldest_age_seconds", "fine"]
    release.set()
    thread.join(20)
    background.sample()

    assert [1, 2] == pending
    assert 0 < age < 60
    assert 0 == heard.gauges["background_tasks_pending", "fine"]
    assert 0 == heard.gauges["background_tasks_oldest_age_seconds", "fine"]
    assert {} == background._pending


def test_a_response_runs_its_tasks_as_ever(heard: Heard) -> None:
    """After its last byte; arguments and keywords reach the function."""
    given: list[Any] = []

    def note(*args: Any, **kwargs: Any) -> None:
        given.append((args, kwargs))

    response = Response("ok", background=BackgroundTask(note, 1, two=2))
    result = anyio.run(call, response)

    assert b"ok" == result.body
    assert [((1,), {"two": 2})] == given
    name = "test_a_response_runs_its_tasks_as_ever.note"
    assert 1 == heard.totals["background_tasks", name, "ok"]


def test_names_are_bounded(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    """Functions that are made for each request do not mint series."""
    monkeypatch.setattr(background, "MAX_NAMES", 1)
    anyio.run(tasks(fine, in_thread))

    assert 1 == heard.totals["background_tasks", "fine", "ok"]
    assert 1 == heard.totals["background_tasks", "other", "ok"]


def test_starlette_is_as_it_was_after_a_reset() -> None:
    """Installed once, however often it is asked for."""
    background.install()
    background.reset()

    for owner in (BackgroundTask, BackgroundTasks, BackgroundTasks.__mro__[1]):
        assert not hasattr(owner.__call__, "__wrapped__")

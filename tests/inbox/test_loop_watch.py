"""Errors that only the event loop hears of."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import anyio
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from steadfastapi.inbox.loop_watch import LoopWatch
from support.inbox_apps import inbox_of


def losing() -> FastAPI:
    """Return an application that starts tasks which nobody awaits."""
    app = FastAPI()

    @app.get("/lose")
    async def lose() -> str:
        async def work() -> None:
            raise KeyError("lost")

        task = asyncio.create_task(work())
        await asyncio.wait([task])
        del task
        gc.collect()
        return "ok"

    return app


@pytest.mark.parametrize("logs", [None, False])
def test_a_lost_task_is_one_entry(logs: bool | None) -> None:
    """What asyncio logs of it is no second one."""
    app = losing()

    with inbox_of(app, layers={"logs": logs}) as kept, TestClient(app) as client:
        client.get("/lose")
        (entry,) = kept.entries()

    assert ("asyncio_exception", "error", "KeyError: 'lost'") == (
        entry.event,
        entry.level,
        entry.title,
    )
    assert "never retrieved" in entry.context["message"]


def test_it_can_be_switched_off() -> None:
    """Then the log record tells of it."""
    app = losing()

    with inbox_of(app, loop_errors=False) as kept, TestClient(app) as client:
        client.get("/lose")
        assert ["log"] == kept.events()


class Taken:
    """A collector that remembers."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def exception(self, exception: BaseException, **facts: Any) -> None:
        """Remember an exception."""
        self.texts.append(repr(exception))

    def message(self, text: str, **facts: Any) -> None:
        """Remember a message."""
        self.texts.append(text)


def test_the_applications_handler_goes_on() -> None:
    """It is called as before, and back in its place in the end."""
    heard: list[Any] = []
    taken: Any = Taken()

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        heard.append(context["message"])

    async def run() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(handle)
        watch = LoopWatch(taken)
        watch.install()
        loop.call_exception_handler({"message": "a", "exception": ValueError("x")})
        loop.call_exception_handler({"message": "b"})
        loop.call_exception_handler({"message": "c", "exception": SystemExit()})
        watch.remove()
        watch.remove()
        assert loop.get_exception_handler() is handle

    anyio.run(run)

    assert ["a", "b", "c"] == heard
    assert ["ValueError('x')", "b"] == taken.texts


def test_a_newer_handler_stays() -> None:
    """The application may set one in its lifespan."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        watch = LoopWatch(Taken())  # type: ignore[arg-type]
        watch.install()

        def newer(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
            """Do nothing."""

        loop.set_exception_handler(newer)
        watch.remove()
        assert loop.get_exception_handler() is newer

    anyio.run(run)


def test_no_loop_is_no_error() -> None:
    """Under trio, and in scripts."""
    watch = LoopWatch(Taken())  # type: ignore[arg-type]

    watch.install()
    watch.remove()

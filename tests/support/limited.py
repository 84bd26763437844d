"""Limited applications, and how often they let somebody through."""

import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import anyio
from fastapi import FastAPI

from steadfastapi import configure
from support.asgi import AsgiResult, AsgiValidator, call, call_websocket

OFF: dict[str, Any] = {"logs": False, "tracing": False, "sentry": False}


def limited(app: FastAPI, **keywords: Any) -> FastAPI:
    """Configure an application without what limits do not need, and return it."""
    configure(app, **{**OFF, **keywords})
    return app


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[FastAPI]:
    """Run the lifespan of an application."""
    async with app.router.lifespan_context(app):
        yield app


async def answers(app: FastAPI, *targets: str, **options: Any) -> list[AsgiResult]:
    """Send one request a target, `/path` or `METHOD /path`, one after the other.

    `WEBSOCKET /path` opens one.
    """
    results = []
    for target in targets:
        method, _, path = target.rpartition(" ")
        if method == "WEBSOCKET":
            results.append(await call_websocket(AsgiValidator(app), path, **options))
        else:
            results.append(
                await call(AsgiValidator(app), method or "GET", path, **options)
            )
    return results


def statuses(app: FastAPI, *targets: str, **options: Any) -> list[int | None]:
    """Return the status of one request a target; 101 for an accepted WebSocket."""

    async def run() -> list[int | None]:
        async with running(app):
            return [status(one) for one in await answers(app, *targets, **options)]

    return anyio.run(run)


def status(result: AsgiResult) -> int | None:
    """Return a status; 101 for an accepted WebSocket."""
    if any(message["type"] == "websocket.accept" for message in result.messages):
        return 101
    return result.status


def last(app: FastAPI, *targets: str, **options: Any) -> AsgiResult:
    """Send one request a target, and return the answer to the last."""

    async def run() -> AsgiResult:
        async with running(app):
            return (await answers(app, *targets, **options))[-1]

    return anyio.run(run)


async def until(condition: Callable[[], bool], timeout: float = 10.0) -> float:  # noqa: ASYNC109 - a limit for the test
    """Wait until something holds that nobody announces.

    Returns:
        The seconds it took.
    """
    began = time.perf_counter()
    while not condition():
        if time.perf_counter() - began > timeout:
            raise TimeoutError
        await anyio.sleep(0.01)
    return time.perf_counter() - began


def header(result: AsgiResult, name: str) -> str | None:
    """Return a header of an answer, None if it is not there."""
    return headers(result.headers).get(name)


def headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers as text."""
    return {name.decode(): value.decode() for name, value in pairs}

"""Authentication by the application: a function of the request, or a dependency."""

from __future__ import annotations

import inspect
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
from fastapi.routing import APIRoute

from steadfastapi.health.verdict import GRANTED, UNAVAILABLE, Check, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi.params import Depends
    from starlette.requests import Request
    from starlette.types import Message

MAX_THREADS = 8
"""Calls of a function that is not async, the hanging ones included."""


def by_function(function: Callable[[Any], Any]) -> Check:
    """Return the check that asks a function of the request, async or not."""
    return partial(_own, function, _Threads(MAX_THREADS))


class _Threads:
    """Threads of an authentication, also those that were given up on.

    Args:
        limit: How many may run at a time.
    """

    def __init__(self, limit: int) -> None:
        self._free = threading.BoundedSemaphore(limit)
        # The application's own threads are left to it.
        self._limit = limit
        self._limiter: anyio.CapacityLimiter | None = None

    async def run(self, function: Callable[[Any], Any], request: Request) -> Any:
        """Call `function(request)`.

        Raises:
            TimeoutError: As many calls as there may be hang already.
        """
        if not self._free.acquire(blocking=False):
            raise TimeoutError(f"{self._limit} authentications hang")

        def call() -> Any:
            try:
                return function(request)
            finally:
                self._free.release()

        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(self._limit)
        return await anyio.to_thread.run_sync(
            call, abandon_on_cancel=True, limiter=self._limiter
        )


async def _own(
    function: Callable[[Any], Any], threads: _Threads, request: Request
) -> Verdict:
    """Ask a function of the application; one that is not async, in a thread."""
    if inspect.iscoroutinefunction(function):
        outcome = await function(request)
    else:
        outcome = await threads.run(function, request)
        if inspect.isawaitable(outcome):
            outcome = await outcome
    return GRANTED if outcome else Verdict(granted=False)


def by_dependency(depends: Depends, app: Any) -> Check:
    """Return a check that lets FastAPI solve a dependency, as for any route."""

    async def reached() -> None:
        return None

    route = APIRoute(
        "/",
        reached,
        dependencies=[depends],
        dependency_overrides_provider=app,
        status_code=204,
    )

    async def check(request: Request) -> Verdict:
        started: list[Message] = []

        async def keep(message: Message) -> None:
            if message["type"] == "http.response.start":
                started.append(message)

        scope = dict(request.scope)
        # An own scope: what the dependency's route leaves in it is not the page's.
        await _solved(route, scope, request, keep)
        if not started:
            return UNAVAILABLE
        status = int(started[0]["status"])
        if status < 400:  # noqa: PLR2004 - anything else is a refusal
            return GRANTED
        headers = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in started[0].get("headers", ())
            if name.lower() == b"www-authenticate"
        }
        return Verdict(granted=False, status=status, headers=headers)

    return check


async def _solved(route: APIRoute, scope: Any, request: Request, keep: Any) -> None:
    from starlette.exceptions import HTTPException  # noqa: PLC0415
    from starlette.responses import Response  # noqa: PLC0415

    try:
        await route.app(scope, request.receive, keep)
    except HTTPException as error:
        refusal = Response(status_code=error.status_code, headers=error.headers)
        await refusal(scope, request.receive, keep)

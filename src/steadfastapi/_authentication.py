"""Asking an authentication of the application's own: a function, or a dependency."""

from __future__ import annotations

import inspect
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
from fastapi.routing import APIRoute

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fastapi.params import Depends
    from starlette.requests import Request
    from starlette.types import Message

MAX_THREADS = 8
"""Calls of a function that is not async, the hanging ones included."""


class Asked:
    """A function of the request, async or not; one that is not, in a thread.

    Args:
        function: Gets the request.
        limit: How many threads may run at a time, also those that were given up on.
    """

    def __init__(
        self, function: Callable[[Any], Any], limit: int = MAX_THREADS
    ) -> None:
        self._function = function
        self._free = threading.BoundedSemaphore(limit)
        # The application's own threads are left to it.
        self._limit = limit
        self._limiter: anyio.CapacityLimiter | None = None

    async def __call__(self, request: Request) -> Any:
        """Return what the function says.

        Raises:
            TimeoutError: As many calls as there may be hang already.
        """
        if inspect.iscoroutinefunction(self._function):
            return await self._function(request)
        outcome = await self._in_thread(request)
        return await outcome if inspect.isawaitable(outcome) else outcome

    async def _in_thread(self, request: Request) -> Any:
        if not self._free.acquire(blocking=False):
            raise TimeoutError(f"{self._limit} authentications hang")

        def call() -> Any:
            try:
                return self._function(request)
            finally:
                self._free.release()

        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(self._limit)
        return await anyio.to_thread.run_sync(
            call, abandon_on_cancel=True, limiter=self._limiter
        )


@dataclass(slots=True)
class Solved:
    """What became of a dependency."""

    status: int | None = None
    """Below 400 where it let the request pass; None where nothing was answered."""
    challenge: dict[str, str] = field(default_factory=dict)
    """`WWW-Authenticate` of its refusal."""
    value: Any = None
    """What it returned."""

    @property
    def has_passed(self) -> bool:
        """Whether the request came through."""
        return self.status is not None and self.status < 400  # noqa: PLR2004


def solving(depends: Depends, app: Any) -> Callable[[Request], Awaitable[Solved]]:
    """Return what lets FastAPI solve a dependency, as for any route.

    Args:
        depends: The dependency.
        app: The application, for `dependency_overrides`.
    """
    key = "steadfastapi.solved"

    async def reached(request: Any, value: Any) -> None:
        request.scope[key].value = value

    # What FastAPI reads instead of annotations, which it would have to resolve.
    reached.__signature__ = _signature(depends)  # type: ignore[attr-defined]
    route = APIRoute("/", reached, dependency_overrides_provider=app, status_code=204)

    async def solve(request: Request) -> Solved:
        solved = Solved()

        async def keep(message: Message) -> None:
            if message["type"] == "http.response.start":
                solved.status = int(message["status"])
                solved.challenge = {
                    name.decode("latin-1"): value.decode("latin-1")
                    for name, value in message.get("headers", ())
                    if name.lower() == b"www-authenticate"
                }

        # An own scope: what the dependency's route leaves in it is not the page's.
        await _run(route, {**request.scope, key: solved}, request, keep)
        return solved

    return solve


def _signature(depends: Depends) -> inspect.Signature:
    from starlette.requests import Request  # noqa: PLC0415 - FastAPI reads the class

    named = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Signature(
        [
            inspect.Parameter("request", named, annotation=Request),
            inspect.Parameter("value", named, annotation=Any, default=depends),
        ]
    )


async def _run(route: APIRoute, scope: Any, request: Request, keep: Any) -> None:
    from starlette.exceptions import HTTPException  # noqa: PLC0415
    from starlette.responses import Response  # noqa: PLC0415

    try:
        await route.app(scope, request.receive, keep)
    except HTTPException as error:
        refusal = Response(status_code=error.status_code, headers=error.headers)
        await refusal(scope, request.receive, keep)

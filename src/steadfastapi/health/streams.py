"""Readiness and status as server-sent events."""

from __future__ import annotations

import asyncio
import signal
import time
from typing import TYPE_CHECKING, Any

import orjson
from pydantic_core import to_jsonable_python
from starlette.responses import Response, StreamingResponse

from steadfastapi.health.pages import NO_STORE, answer
from steadfastapi.health.selection import UnknownFilterError, selected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from steadfastapi.health.check import Check
    from steadfastapi.health.handle import HealthHandle
    from steadfastapi.health.pages import Pages

    Source = Callable[[Request, tuple[Check, ...]], Awaitable[tuple[Any, int]]]

LIFETIME = 300.0
"""Seconds after which a stream ends; browsers connect anew by themselves. Bounds how
long an abandoned one can stay."""
LOOK_EVERY = 2.0
"""Seconds between two loads of an open health page."""
RETRY = b"retry: 1000\n\n"
HEADERS = {**NO_STORE, "X-Accel-Buffering": "no"}  # else nginx collects the events


class Streams:
    """Endpoints that send the state every second, to a bounded number of readers.

    Args:
        handle: What there is to say.
        pages: Say it.
        limit: Streams at one time in this process; more get 503.
    """

    def __init__(self, handle: HealthHandle, pages: Pages, limit: int) -> None:
        self._handle = handle
        self._pages = pages
        self._limit = limit
        self.open = 0

    async def ready(self, request: Request) -> Response:
        """Readiness, every second."""
        return self._stream(request, self._pages.readiness)

    async def status(self, request: Request) -> Response:
        """Every probe, every second."""
        return self._stream(request, self._pages.statuses)

    async def looks(self, request: Request) -> Response:
        """When it is time to load the health page again, and nothing else."""
        return self._stream(request, _nothing, LOOK_EVERY)

    def _stream(self, request: Request, source: Source, every: float = 0.0) -> Response:
        try:
            checks = selected(request, self._handle.checks)
        except UnknownFilterError as error:
            return answer({"detail": str(error)}, 404)
        if request.method == "HEAD":
            return Response(media_type="text/event-stream", headers=HEADERS)
        if self.open >= self._limit:
            detail = f"There are {self._limit} streams already"
            return answer({"detail": detail}, 503, {"Retry-After": "5"})
        self.open += 1
        return _Stream(self._events(request, checks, source, every), self._ended)

    def _ended(self) -> None:
        self.open -= 1

    async def _events(
        self,
        request: Request,
        checks: tuple[Check, ...],
        source: Source,
        every: float,
    ) -> AsyncIterator[bytes]:
        ends = time.monotonic() + LIFETIME
        stopping = _server_stopping()
        yield RETRY
        while time.monotonic() < ends:
            body, _ = await source(request, checks)
            yield b"data: " + orjson.dumps(to_jsonable_python(body)) + b"\n\n"
            # A server that stops waits for its responses; this one has no end.
            if self._handle.phases.draining or stopping():
                return
            await asyncio.sleep(max(every, self._handle.checks.every))


class _Stream(StreamingResponse):
    """Tells when it ended, whether it was read or not."""

    def __init__(self, events: AsyncIterator[bytes], ended: Callable[[], None]) -> None:
        super().__init__(events, media_type="text/event-stream", headers=HEADERS)
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events until nobody reads them."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._ended()


async def _nothing(
    request: Request,  # noqa: ARG001 - a source's signature
    checks: tuple[Check, ...],  # noqa: ARG001
) -> tuple[Any, int]:
    return {}, 200


def _server_stopping() -> Callable[[], bool]:
    """Return what tells whether uvicorn was asked to stop, where it can be known.

    Its handler of SIGTERM is a method of the server (uvicorn 0.30 and newer), which
    is the only trace of it that an application finds.
    """
    handler = signal.getsignal(signal.SIGTERM)
    server = getattr(handler, "__self__", None)
    return lambda: bool(getattr(server, "should_exit", False))

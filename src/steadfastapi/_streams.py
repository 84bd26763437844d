"""Server-sent events to a bounded number of readers, for every layer that has any."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from typing import TYPE_CHECKING, Any

import orjson
from pydantic_core import to_jsonable_python
from starlette.responses import Response, StreamingResponse

from steadfastapi._scrub import safe_str

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from starlette.types import Receive, Scope, Send

LIFETIME = 300.0
"""Seconds after which a stream ends; browsers connect anew by themselves. Bounds how
long an abandoned one can stay."""
HEARTBEAT = 15.0
"""Seconds of silence after which a comment is sent, so that proxies keep the
connection, and an abandoned one is noticed."""
RETRY = b"retry: 1000\n\n"
HEADERS = {
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # else nginx collects the events
    "X-Content-Type-Options": "nosniff",
}
TICK = 0.25
"""Seconds between two looks at whether the server stops: it waits for its responses,
and a stream has no end."""


def event(data: Any, name: str = "") -> bytes:
    """Return one event, its data as JSON.

    Args:
        data: Anything that pydantic can turn into JSON.
        name: Which listeners of the browser get it; `message` when empty.
    """
    body = orjson.dumps(to_jsonable_python(data, fallback=safe_str))
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + body + b"\n\n"


class Streams:
    """Places for streams.

    Args:
        limit: Streams at one time in this process.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.open = 0

    def respond(
        self,
        events: AsyncIterator[bytes],
        headers: Mapping[str, str] | None = None,
    ) -> Response | None:
        """Return a response that sends `events`; None where no place is free."""
        if self.open >= self.limit:
            return None
        self.open += 1
        return _Stream(events, self._ended, headers or {})

    def _ended(self) -> None:
        self.open -= 1


class _Stream(StreamingResponse):
    """Tells when it ended, whether it was read or not."""

    def __init__(
        self,
        events: AsyncIterator[bytes],
        ended: Callable[[], None],
        headers: Mapping[str, str],
    ) -> None:
        super().__init__(
            events, media_type="text/event-stream", headers={**HEADERS, **headers}
        )
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events until nobody reads them."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._ended()


async def from_queue(
    queue: asyncio.Queue[bytes],
    may_go_on: Callable[[], Awaitable[bool]],
) -> AsyncIterator[bytes]:
    """Yield what a queue gets, until the server stops or the reader may not go on.

    Args:
        queue: Bounded by whoever fills it; events as `event` returns them.
        may_go_on: Asked at each heartbeat, every 15 s: a session may have ended.
    """
    stopping = server_stopping()
    ends = time.monotonic() + LIFETIME
    beats = time.monotonic() + HEARTBEAT
    yield RETRY
    while time.monotonic() < ends and not stopping():
        item: bytes | None = None
        with contextlib.suppress(TimeoutError):
            item = await asyncio.wait_for(queue.get(), TICK)
        if item is not None:
            yield item
        if time.monotonic() >= beats:
            if not await may_go_on():
                return
            beats = time.monotonic() + HEARTBEAT
            if item is None:
                yield b": \n\n"


async def polled(
    look: Callable[[], bytes | None],
    every: float,
    may_go_on: Callable[[], Awaitable[bool]],
) -> AsyncIterator[bytes]:
    """Yield what `look` finds, until the server stops or the reader may not go on.

    Args:
        look: Returns an event, or None; must not wait.
        every: Seconds between two looks.
        may_go_on: As for `from_queue`.
    """
    stopping = server_stopping()
    begun = beaten = time.monotonic()
    yield RETRY
    while time.monotonic() < begun + LIFETIME and not stopping():
        found = look()
        if found is not None:
            yield found
        if time.monotonic() >= beaten + HEARTBEAT:
            if not await may_go_on():
                return
            beaten = time.monotonic()
            yield b": \n\n"
        await asyncio.sleep(every)


def server_stopping() -> Callable[[], bool]:
    """Return what tells whether uvicorn was asked to stop, where it can be known.

    Its handler of SIGTERM is a method of the server (uvicorn 0.30 and newer), which
    is the only trace of it that an application finds.
    """
    handler = signal.getsignal(signal.SIGTERM)
    server = getattr(handler, "__self__", None)
    return lambda: bool(getattr(server, "should_exit", False))

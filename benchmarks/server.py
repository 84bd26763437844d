"""An ASGI server without sockets: scope in, messages out, one task per request."""

from __future__ import annotations

import asyncio
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

from benchmarks.application import PATH

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from starlette.types import ASGIApp, Message, Scope

HEADERS = (
    (b"host", b"shop.example.org"),
    (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64) benchmarks/1"),
    (b"accept", b"application/json"),
    (b"accept-encoding", b"gzip, br"),
    (b"connection", b"keep-alive"),
)


class _Client:
    """The other end of one request."""

    __slots__ = ("_asked", "_done", "body", "status")

    def __init__(self) -> None:
        self.status = 0
        self.body = b""
        self._asked = False
        self._done = asyncio.Event()

    async def receive(self) -> Message:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._done.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")
            if not message.get("more_body", False):
                self._done.set()


class Server:
    """Runs one application, its lifespan included, on one event loop.

    Args:
        app: The application.
        flush: Called at the end of a batch and timed with it, so that what is handed
            to a thread is paid for where it was caused.
    """

    def __init__(self, app: ASGIApp, flush: Callable[[], object]) -> None:
        self._call: Callable[..., Coroutine[Any, Any, None]] = app  # type: ignore[assignment]
        self._flush = flush
        self._runner = asyncio.Runner()
        self._events: asyncio.Queue[Message] = asyncio.Queue()
        self._lifespan: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Run the application's start-up."""
        self._runner.run(self._start())

    def stop(self) -> None:
        """Run the application's shutdown and close the loop."""
        self._runner.run(self._stop())
        self._runner.close()

    def serve(self, requests: int, *, flush: bool = True) -> tuple[float, float]:
        """Serve requests one after the other.

        Args:
            requests: How many.
            flush: Whether what is handed to a thread belongs to it.

        Returns:
            Seconds per request, of processor time in all threads, and the seconds
            that the fastest request took.
        """
        return self._runner.run(self._serve(requests, flush))

    def get(self, path: str) -> tuple[int, bytes]:
        """Return status and body of one request."""
        return self._runner.run(self._get(path))

    async def _serve(self, requests: int, flush: bool) -> tuple[float, float]:
        create_task = asyncio.get_running_loop().create_task
        fastest = float("inf")
        begin = process_time()
        before = perf_counter()
        for _ in range(requests):
            client = _Client()
            # A task per request, as under uvicorn: context variables do not leak.
            await create_task(self._call(_scope(PATH), client.receive, client.send))
            now = perf_counter()
            fastest = min(fastest, now - before)
            before = now
            if client.status != 200:  # noqa: PLR2004
                raise RuntimeError(f"The application answered {client.status}.")
        if flush:
            self._flush()
        return (process_time() - begin) / requests, fastest

    async def _get(self, path: str) -> tuple[int, bytes]:
        client = _Client()
        await self._call(_scope(path), client.receive, client.send)
        return client.status, client.body

    async def _start(self) -> None:
        started = asyncio.Event()

        async def send(_message: Message) -> None:
            started.set()

        scope: Scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
        await self._events.put({"type": "lifespan.startup"})
        self._lifespan = asyncio.get_running_loop().create_task(
            self._call(scope, self._events.get, send)
        )
        await started.wait()

    async def _stop(self) -> None:
        await self._events.put({"type": "lifespan.shutdown"})
        if self._lifespan is not None:
            await self._lifespan


def _scope(path: str) -> Scope:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": list(HEADERS),
        "client": ("192.0.2.7", 50_000),
        "server": ("127.0.0.1", 8000),
        "state": {},
    }

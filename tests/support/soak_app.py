"""An application with every layer on, for a hundred thousand requests of all kinds.

`served` answers `/control/figures` by itself: what the process holds at this moment.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
import time
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from fastapi import BackgroundTasks, FastAPI, HTTPException, Request, WebSocket
from fastapi.responses import StreamingResponse

from steadfastapi import bind, configure, limiter
from support.outage_lag import resident

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

# Lines are rendered and written as ever; a gigabyte of them is of no use to anybody.
sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - as long as the process

PIECES = 5
app = FastAPI(title="Soak")


@app.get("/items/{item_id}")
async def read_item(item_id: int) -> dict[str, int]:
    """Answer, as most requests are answered."""
    bind(item_id=item_id)
    return {"id": item_id}


@app.get("/sync/{item_id}")
def read_in_thread(item_id: int) -> dict[str, int]:
    """Answer from a thread, which is taken for a while."""
    time.sleep(0.01)
    return {"id": item_id}


@app.post("/orders", status_code=201)
async def order(request: Request, tasks: BackgroundTasks) -> dict[str, int]:
    """Read a body, and do something after the answer."""
    size = len(await request.body())
    tasks.add_task(asyncio.sleep, 0)
    return {"bytes": size}


@app.get("/crash/{number}")
async def crash(number: int) -> None:
    """Fail; each message is another."""
    raise RuntimeError(f"the wheels came off: {number}")


@app.get("/conflict")
async def conflict() -> None:
    """Refuse."""
    raise HTTPException(409, "User already exists")


@app.get("/limited")
@limiter.limit("5/second")
async def limited() -> dict[str, bool]:
    """Answer some."""
    return {"allowed": True}


@app.get("/stream")
async def stream() -> StreamingResponse:
    """Send piece by piece; some clients leave before the end."""

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(PIECES):
            yield b"piece\n"
            await asyncio.sleep(0.001)

    return StreamingResponse(pieces())


@app.websocket("/socket")
async def socket(websocket: WebSocket) -> None:
    """Say what it was told, and goodbye."""
    await websocket.accept()
    await websocket.send_text(await websocket.receive_text())
    await websocket.close()


stack = configure(app)


def figures() -> dict[str, Any]:
    """Return what the process holds, after everything that can be freed was."""
    gc.collect()
    traced = tracemalloc.get_traced_memory()[0] if tracemalloc.is_tracing() else 0
    return {
        "traced": traced,
        "rss": resident(os.getpid()),
        "descriptors": len(os.listdir("/proc/self/fd")),  # noqa: PTH208 - no objects
        "threads": threading.active_count(),
        "tasks": len(asyncio.all_tasks()),
        "objects": len(gc.get_objects()),
    }


class Control:
    """Answers `/control/figures` and `/control/largest`, and passes the rest on.

    Args:
        inner: The application.
    """

    def __init__(self, inner: Callable[..., Awaitable[None]]) -> None:
        self._inner = inner
        self._before: tracemalloc.Snapshot | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve."""
        path = scope.get("path", "")
        if not path.startswith("/control/"):
            await self._inner(scope, receive, send)
            return
        found: Any = self._largest() if path.endswith("largest") else figures()
        body = orjson.dumps(found)
        length = (b"content-length", str(len(body)).encode())
        start = {"type": "http.response.start", "status": 200, "headers": [length]}
        await send(start)
        await send({"type": "http.response.body", "body": body})

    def _largest(self) -> list[str]:
        """Return where memory has grown most since the last call."""
        now, before = tracemalloc.take_snapshot(), self._before
        self._before = now
        if before is None:
            return []
        return [str(one) for one in now.compare_to(before, "lineno")[:25]]


served = Control(app)

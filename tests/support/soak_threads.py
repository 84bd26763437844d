"""A configured process that cannot start a thread, and later can again.

    python -m support.soak_threads

prints one JSON object: the answers of both times, the ids of what failed in each, what
the lifespan raised, and whether the end delivered everything.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import sys
import threading
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
from fastapi import FastAPI

from steadfastapi import configure
from steadfastapi.logs import otlp as log_export
from support.asgi import call

ROOM = 2**34
"""Bytes of address space: plenty, and too little for a stack of `STACK`."""
STACK = 2**36
PATIENCE = 6.0
"""Seconds: three times what lies between two exports of lines."""

report = sys.stdout
sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - as long as the process
app = FastAPI(title="Threads")


@app.get("/ok")
async def fine() -> dict[str, bool]:
    """Answer."""
    return {"ok": True}


@app.get("/crash/{identity}")
async def crash(identity: str) -> None:
    """Fail."""
    raise RuntimeError(f"the wheels came off: {identity}")


stack = configure(app)


@contextlib.contextmanager
def no_thread() -> Any:
    """Let the system refuse each new thread: none has room for its stack."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (ROOM, before[1]))
    threading.stack_size(STACK)
    try:
        with contextlib.suppress(RuntimeError):
            threading.Thread(target=lambda: None).start()
            raise SystemExit("threads start all the same")
        yield
    finally:
        threading.stack_size(0)
        resource.setrlimit(resource.RLIMIT_AS, before)


async def answers(identity: str) -> list[int | None]:
    """Return the statuses of a success, and of a failure under an id."""
    headers = [
        (b"x-request-id", identity.encode()),
        (b"traceparent", f"00-{identity}-{identity[:16]}-01".encode()),
    ]
    crashed = await call(app, path=f"/crash/{identity}", headers=headers)
    return [(await call(app, path="/ok")).status, crashed.status]


async def flowing(identity: str) -> list[Any]:
    """Return the answers, and whether the lines left while the application ran."""
    seen: list[Any] = list(await answers(identity))
    export: Any = log_export._current
    ends_at = time.monotonic() + PATIENCE
    while export.waiting and time.monotonic() < ends_at:  # noqa: ASYNC110 - no event
        await asyncio.sleep(0.05)
    return [*seen, export.waiting == 0]


async def lifespan(visit: Any) -> tuple[list[Any], str]:
    """Start, visit, stop; returns the answers and what start or stop raised."""
    seen: list[Any] = []
    try:
        async with app.router.lifespan_context(app):
            seen = await visit()
    except Exception as error:
        return seen, repr(error)
    return seen, ""


async def main() -> None:
    """Serve without threads, then with them."""
    without, with_ = uuid4().hex, uuid4().hex
    with no_thread():
        first, raised = await lifespan(lambda: answers(without))
    second, later = await lifespan(lambda: flowing(with_))
    found = {
        "answers": [first, second],
        "raised": [raised, later],
        "ids": [without, with_],
        "delivered": stack.shutdown(),
    }
    report.write(orjson.dumps(found).decode())
    report.flush()


if __name__ == "__main__":
    asyncio.run(main())

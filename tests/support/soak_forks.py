"""A configured process that forks, again and again, while its own exporters are busy.

    python -m support.soak_forks ROUNDS CHILDREN FILE

writes one JSON object into a file: the ids of the requests that failed, in the parent
and in the children, and how each child ended. What the backends got is for the test to
compare.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
from fastapi import FastAPI

from steadfastapi import configure
from support.asgi import call

HANGS = 20.0
"""Seconds after which a child counts as deadlocked; it shows where on stderr."""
PAUSE = 0.02
"""Seconds between two failures of the parent."""

app = FastAPI(title="Forks")


@app.get("/crash/{identity}")
async def crash(identity: str) -> None:
    """Fail."""
    raise RuntimeError(f"the wheels came off: {identity}")


stack = configure(app)


def fail(identity: str) -> None:
    """Send a request that fails, under an id of its own."""
    headers = [
        (b"x-request-id", identity.encode()),
        (b"traceparent", f"00-{identity}-{identity[:16]}-01".encode()),
    ]
    with contextlib.suppress(RuntimeError):
        asyncio.run(call(app, path=f"/crash/{identity}", headers=headers))


def be_child(identity: str) -> None:
    """Fail, deliver, and end; never returns."""
    faulthandler.dump_traceback_later(HANGS, exit=True)
    fail(identity)
    if not stack.shutdown(10.0):
        status = stack.inbox.status()
        sys.stderr.write(f"not delivered; the inbox: {status}\n")
        os._exit(3)
    os._exit(0)


def fork(identity: str) -> int:
    """Return the process id of a child that fails under an id."""
    child = os.fork()
    if child == 0:
        try:
            be_child(identity)
        finally:
            os._exit(4)
    return child


def ended(child: int) -> int:
    """Return the exit code of a child; a deadlock so deep that it stays is SIGKILL."""
    ends_at = time.monotonic() + HANGS + 10
    while time.monotonic() < ends_at:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(rounds: int, children: int) -> dict[str, Any]:
    """Fork, and return what became of it."""
    own: list[str] = []
    stop = threading.Event()

    def be_busy() -> None:
        while not stop.wait(PAUSE):
            identity = uuid4().hex
            fail(identity)
            own.append(identity)

    # A fork in the midst of an import leaves that module's lock taken in the child,
    # which is Python's affair: let everything be imported before.
    own.append(uuid4().hex)
    fail(own[0])
    stack.inbox.flush()
    stack.tracing.force_flush(5.0)
    busy = threading.Thread(target=be_busy)
    busy.start()
    forked: list[str] = []
    codes: list[int] = []
    for _ in range(rounds):
        identities = [uuid4().hex for _ in range(children)]
        forked += identities
        codes += [ended(child) for child in [fork(one) for one in identities]]
    stop.set()
    busy.join()
    return {
        "own": own,
        "forked": forked,
        "codes": codes,
        "delivered": stack.shutdown(10.0),
    }


if __name__ == "__main__":
    told = main(int(sys.argv[1]), int(sys.argv[2]))
    Path(sys.argv[3]).write_bytes(orjson.dumps(told))

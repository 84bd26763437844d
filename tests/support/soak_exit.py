"""A configured process that ends without its lifespan, busy to the last moment.

    python -m support.soak_exit ID

A request fails under the id. Then the interpreter ends, while a daemon thread logs on,
and a function that is called at exit fails one more time and logs.
"""

from __future__ import annotations

import asyncio
import atexit
import io
import logging
import os
import sys
import threading

from fastapi import FastAPI

from steadfastapi import configure
from support.asgi import call

# Without a buffer: CPython aborts where a daemon thread, as the one below, is stopped
# at the end while it holds a buffer's lock, whoever writes (python/cpython#86883).
sys.stdout = io.TextIOWrapper(io.FileIO(os.devnull, "w"), write_through=True)
app = FastAPI(title="Exit")


@app.get("/crash")
async def crash() -> None:
    """Fail."""
    raise RuntimeError("the wheels came off")


logger = logging.getLogger("exit")


def fail(identity: str) -> None:
    """Send a request that fails, under an id."""
    headers = [(b"x-request-id", identity.encode())]
    answer = asyncio.run(call(app, path="/crash", headers=headers))
    if answer.status != 500:
        sys.exit(f"answered {answer.status}")


def last_words() -> None:
    """Fail and log when nothing should be started any more."""
    fail("the-last-request")
    logger.error("goodbye")


# Before `configure`, so called last: after everything that the SDKs register.
atexit.register(last_words)
stack = configure(app)


def chatter() -> None:
    """Log until the interpreter is gone."""
    while True:
        logger.error("still here")


if __name__ == "__main__":
    fail(sys.argv[1])
    threading.Thread(target=chatter, daemon=True).start()

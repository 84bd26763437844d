"""An application with the metrics that a real one has, for several workers."""

import os
import time
from collections.abc import AsyncIterator

import anyio
from fastapi import FastAPI
from fastapi.responses import PlainTextResponse, StreamingResponse
from prometheus_client import Counter, Gauge

from steadfastapi import configure

ORDERS = Counter("orders", "Orders taken by the application itself.", ["kind"])
OPEN_CARTS = Gauge("open_carts", "Carts nobody paid yet.", multiprocess_mode="livesum")

app = FastAPI()


@app.get("/jobs/{number}")
async def work(number: int) -> dict[str, int]:
    """Answer with the worker's process id; block it, so that the others help."""
    time.sleep(0.02)  # noqa: ASYNC251 - that is the point
    ORDERS.labels("web").inc()
    return {"pid": os.getpid()}


@app.get("/hold")
async def hold() -> StreamingResponse:
    """Say who serves, then go on for ever."""

    async def body() -> AsyncIterator[bytes]:
        OPEN_CARTS.inc()
        yield f"{os.getpid()}\n".encode()
        await anyio.sleep_forever()

    return StreamingResponse(body())


@app.get("/fork")
async def fork() -> dict[str, int]:
    """Start a process that counts once and stays, as a process pool would."""
    pid = os.fork()
    if pid == 0:
        ORDERS.labels("pool").inc()
        while True:
            time.sleep(60)  # noqa: ASYNC251 - the child serves nothing
    return {"pid": pid}


@app.get("/plan")
async def plan() -> PlainTextResponse:
    """Show what `configure` did."""
    return PlainTextResponse(str(stack))


stack = configure(app, logs=False, tracing=False, sentry=False)

"""A small application, complete with a lifespan, for every server that runs it."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import structlog
from fastapi import FastAPI, WebSocket
from fastapi.responses import StreamingResponse

from steadfastapi import Health, configure, limiter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

log = structlog.get_logger()


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Say when it begins and ends, and in which process."""
    log.info("lifespan began", pid=os.getpid())
    yield
    log.info("lifespan ended", pid=os.getpid())


app = FastAPI(title="Served", lifespan=lifespan)


@app.get("/items/{number}")
async def item(number: int) -> dict[str, int]:
    """Say which process answered."""
    return {"number": number, "pid": os.getpid()}


@app.get("/crash")
async def crash() -> None:
    """Fail as nobody expects."""
    raise RuntimeError("the wheels came off")


@app.get("/limited")
@limiter.limit("2/minute")
async def limited() -> dict[str, bool]:
    """Answer twice a minute."""
    return {"allowed": True}


@app.get("/stream")
async def stream() -> StreamingResponse:
    """Send three pieces, one after the other."""

    async def pieces() -> AsyncIterator[bytes]:
        for number in range(3):
            yield f"piece {number}\n".encode()
            await anyio.sleep(0.01)

    return StreamingResponse(pieces(), media_type="text/plain")


@app.get("/endless")
async def endless() -> StreamingResponse:
    """Send until the client has had enough."""

    async def pieces() -> AsyncIterator[bytes]:
        while True:
            yield b"more\n"
            await anyio.sleep(0.01)

    return StreamingResponse(pieces(), media_type="text/plain")


@app.get("/busy")
async def busy() -> dict[str, bool]:
    """Take as long as a client waits, or until the server has had enough."""
    await anyio.sleep(60)
    return {"done": True}


@app.get("/slow")
async def slow() -> dict[str, int]:
    """Take a second, in which the server may be told to end."""
    log.info("slow began")
    await anyio.sleep(1)
    return {"pid": os.getpid()}


@app.websocket("/echo")
async def echo(websocket: WebSocket) -> None:
    """Send back one text, then close."""
    await websocket.accept()
    await websocket.send_text(await websocket.receive_text())
    await websocket.close()


stack = configure(app, sentry=False, health=Health(probes=()))

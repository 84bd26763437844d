"""An application that uses everything, so that every panel has something to show."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from fastapi import BackgroundTasks, FastAPI, HTTPException, Request, WebSocket
from fastapi.responses import StreamingResponse
from sqlalchemy import text
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import create_async_engine

from steadfastapi import (
    CircuitOpenError,
    RetryBudget,
    circuit_breaker,
    configure,
    db_retry,
    http_retry,
    limiter,
    retry,
)
from steadfastapi._events import count_event
from steadfastapi.health import Health
from steadfastapi.inbox.layer import Inbox
from steadfastapi.metrics.layer import Metrics
from steadfastapi.slo.api import count_bad, count_good
from steadfastapi.slo.declared import SLO
from steadfastapi.slo.layer import SLOs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

DATA = Path(os.environ["BUSY_DATA"])
URL = f"sqlite+aiosqlite:///{DATA / 'orders.db'}"
HOLD = 0.05
"""Seconds for which the report keeps its connection."""

orders = create_async_engine(URL, connect_args={"timeout": 5})
reports = create_async_engine(URL, pool_size=1, max_overflow=0, pool_timeout=HOLD / 5)
partner = circuit_breaker("partner", failures=2)
stingy = RetryBudget(0, minimum=0)


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Create the table, and open the client that calls this application itself."""
    async with orders.begin() as connection:
        await connection.execute(
            text("CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY)")
        )
    itself = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=itself, base_url="http://partner") as client:
        stack.watch_client(client)
        app.state.client = client
        yield
    await orders.dispose()
    await reports.dispose()


app = FastAPI(title="Busy", lifespan=lifespan)


@app.get("/items/{item_id}")
async def read_item(item_id: int) -> dict[str, int]:
    """Read, as most requests do."""
    async with orders.connect() as connection:
        await connection.execute(text("SELECT count(*) FROM orders"))
    return {"id": item_id}


@app.post("/orders", status_code=201)
async def order(request: Request, tasks: BackgroundTasks) -> dict[str, int]:
    """Write, and send a receipt later."""
    size = len(await request.body())
    async with orders.begin() as connection:
        await connection.execute(text("INSERT INTO orders DEFAULT VALUES"))
    count_event("order_placed")
    tasks.add_task(send_receipt)
    return {"bytes": size}


async def send_receipt() -> None:
    """Take a moment, after the answer."""
    await asyncio.sleep(HOLD)
    count_good("receipts")


@app.get("/crash")
async def crash() -> None:
    """Fail as nobody expects."""
    count_bad("receipts")
    raise RuntimeError("the wheels came off")


@app.get("/sync")
def sync() -> dict[str, bool]:
    """Take a thread."""
    time.sleep(HOLD)
    return {"done": True}


@app.get("/block")
async def block() -> dict[str, bool]:
    """Block the event loop for longer than anybody likes."""
    time.sleep(0.15)  # noqa: ASYNC251 - that is the point
    return {"done": True}


@app.get("/stream")
async def stream() -> StreamingResponse:
    """Send piece by piece; clients leave before the end."""

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"piece\n"
            await asyncio.sleep(0.02)

    return StreamingResponse(pieces())


@app.websocket("/socket")
async def socket(websocket: WebSocket) -> None:
    """Say hello and goodbye."""
    await websocket.accept()
    await websocket.send_text("hello")
    await websocket.close()


@app.get("/limited")
@limiter.limit("2/second")
async def limited() -> dict[str, bool]:
    """Answer some."""
    return {"allowed": True}


@app.get("/partner/{status}")
async def answer(status: int) -> dict[str, bool]:
    """Answer as the partner does."""
    if status != 200:
        raise HTTPException(status)
    return {"ok": True}


@http_retry(attempts=2, base=0.01)
async def ask(client: httpx.AsyncClient, status: int) -> httpx.Response:
    """Ask the partner, twice if need be."""
    return await client.get(f"/partner/{status}")


@partner
async def ask_behind_breaker(client: httpx.AsyncClient) -> None:
    """Ask a partner that is down."""
    (await client.get("/partner/503")).raise_for_status()


@db_retry
async def count_orders() -> int:
    """Read, with retries that are not needed."""
    async with orders.connect() as connection:
        found = await connection.execute(text("SELECT count(*) FROM orders"))
        return int(found.scalar_one())


@retry(on=KeyError, attempts=2, base=0.001)
async def hopeless() -> None:
    """Fail each time."""
    raise KeyError("nothing")


@retry(on=KeyError, attempts=2, base=0.001, budget=stingy)
async def unaffordable() -> None:
    """Fail, and have nothing left for another attempt."""
    raise KeyError("nothing")


async def failing(call: Awaitable[None], *errors: type[Exception]) -> None:
    """Wait for a call that may fail."""
    with contextlib.suppress(*errors):
        await call


@app.get("/calls")
async def calls(request: Request) -> dict[str, int]:
    """Call others in every way."""
    client = request.app.state.client
    await ask(client, 200)
    await ask(client, 503)
    await failing(ask_behind_breaker(client), httpx.HTTPError, CircuitOpenError)
    await failing(hopeless(), KeyError)
    await failing(unaffordable(), KeyError)
    return {"orders": await count_orders()}


@app.get("/reports")
async def report() -> dict[str, bool]:
    """Ask for two connections where there is one."""
    async with reports.connect() as connection:
        await connection.execute(text("SELECT 1"))
        try:
            async with reports.connect():
                return {"complete": True}
        except PoolTimeoutError:
            return {"complete": False}


def database_up() -> bool:
    """Be there."""
    return True


def mail_up() -> bool:
    """Be away, so that somebody is told."""
    raise ConnectionError("refused")


def broken_metric(info: Any) -> None:
    """Fail where an application's own function would."""
    if "crash" in str(info.modified_handler):
        raise ValueError("not counted")


def tell(alert: Any) -> None:
    """Tell nobody."""


stack = configure(
    app,
    sentry=False,
    metrics=Metrics(instrumentations=(broken_metric,)),
    health=Health(probes=(database_up, mail_up), alerters=(tell,)),
    inbox=Inbox(url=f"sqlite:///{DATA / 'inbox.db'}"),
    slo=SLOs(slos=(SLO(name="receipts", events=99.5), SLO(availability=99.9))),
)
stack.watch_engine(orders, "orders")
stack.watch_engine(reports, "reports")

"""Processes under load, scraped by a real Prometheus.

Four that use everything, in each naming, with and without workers; and the shop, for
what its users see of a real application.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx2
from websockets.asyncio.client import connect

from support._tcp import HOST
from support.boards import ROOT
from support.jobs import JOBS, KNOWN, Job, rules_of
from support.prometheus import Prometheus, scraping
from support.redis import URL as REDIS_URL
from support.redis import namespace
from support.server import LiveServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

PAUSE = 0.5
"""Seconds between two tours of a load."""
TOUR = (
    ("GET", "/items/1"),
    ("GET", "/items/2"),
    ("POST", "/orders"),
    ("GET", "/crash"),
    ("GET", "/sync"),
    ("GET", "/block"),
    ("GET", "/limited"),
    ("GET", "/limited"),
    ("GET", "/limited"),
    ("GET", "/calls"),
    ("GET", "/reports"),
    ("GET", "/stream"),
    ("GET", "/nowhere"),
)
MISHAPS = ("/crash", "/block", "/calls", "/reports")
"""What is not every visitor's lot, in a load that is to look like one."""
CUSTOMERS = 12.0
"""Requests a second to the shop: enough to see all of it within some seconds."""
ADMIN_TOKEN = "for-the-back-office"


@contextlib.contextmanager
def busy_servers(
    folder: Path, jobs: Sequence[Job] = JOBS
) -> Iterator[dict[str, LiveServer]]:
    """Serve jobs; their data in a folder that goes away."""
    with namespace() as space, contextlib.ExitStack() as stack:
        servers = {job.name: _server(job, folder, space) for job in jobs}
        with ThreadPoolExecutor(len(jobs)) as pool:
            for server in pool.map(LiveServer.__enter__, servers.values()):
                stack.push(server)
        yield servers


def _server(job: Job, folder: Path, space: str) -> LiveServer:
    data = folder / job.name
    values = data / "values"
    values.mkdir(parents=True)
    own = _shop(data) if job.shop else _busy_app(data)
    return LiveServer(
        "shop.main:app" if job.shop else "apps.busy_app:app",
        subprocess=True,
        workers=job.workers or None,
        start_timeout=60.0,
        cwd=ROOT,
        env={
            **own,
            "GIT_COMMIT": "4bf92f3",
            "LOG_LEVEL": "ERROR",
            "OTEL_SERVICE_NAME": f"{space}-{job.name}",
            "PROMETHEUS_MULTIPROC_DIR": str(values) if job.workers else None,
            "REDIS_URL": REDIS_URL,
            "STEADFAST_METRICS_NAMES": job.naming,
        },
    )


def _busy_app(data: Path) -> dict[str, str]:
    return {"PYTHONPATH": f"{ROOT / 'tests'}", "BUSY_DATA": str(data)}


def _shop(data: Path) -> dict[str, str]:
    return {
        "PYTHONPATH": f"{ROOT / 'examples'}",
        "SHOP_DATA_DIR": str(data),
        "SHOP_ADMIN_TOKEN": ADMIN_TOKEN,
        "STEADFAST_INBOX_URL": f"sqlite:///{data / 'inbox.db'}",
        # Its customers come from many addresses, through a proxy as it were.
        "STEADFAST_LIMITS_TRUSTED_PROXIES": "127.0.0.0/8",
    }


@contextlib.contextmanager
def load(
    servers: dict[str, LiveServer], *, rare: int = 1, pause: float = PAUSE
) -> Iterator[None]:
    """Ask for everything, of every server, until the context ends.

    Args:
        servers: Who is asked.
        rare: Of how many tours one meets the mishaps.
        pause: Seconds between two tours.
    """
    stop = threading.Event()

    async def run() -> None:
        async with asyncio.TaskGroup() as group:
            for name, server in servers.items():
                if KNOWN[name].shop:
                    group.create_task(_shop_at(server, stop))
                else:
                    group.create_task(_visit(server, stop, rare, pause))

    thread = threading.Thread(target=lambda: asyncio.run(run()), name="load")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


async def _shop_at(server: LiveServer, stop: threading.Event) -> None:
    from shop_stack import load as shopping  # `make previews` has no examples/

    gone = asyncio.Event()
    customers = asyncio.create_task(
        shopping.run(server.url, gone, rate=CUSTOMERS, admin_token=ADMIN_TOKEN)
    )
    while not stop.is_set():
        # What fails is for the queries to show.
        with contextlib.suppress(Exception):
            await _give_up(server)
            await _lose_partner(server)
        await asyncio.sleep(PAUSE)
    gone.set()
    await customers


async def _visit(
    server: LiveServer, stop: threading.Event, rare: int, pause: float
) -> None:
    async with httpx2.AsyncClient(
        base_url=server.url, timeout=30, trust_env=False
    ) as client:
        for tour in itertools.count():
            if stop.is_set():
                return
            # What fails is for the queries to show.
            with contextlib.suppress(Exception):
                await _tour(client, server, mishaps=tour % rare == 0)
            await asyncio.sleep(pause)


async def _tour(
    client: httpx2.AsyncClient, server: LiveServer, *, mishaps: bool
) -> None:
    for method, path in TOUR:
        if mishaps or path not in MISHAPS:
            content = b"x" * 100 if method == "POST" else None
            await client.request(method, path, content=content)
    await _leave_early(server)
    await _chat(server)


async def _give_up(server: LiveServer) -> None:
    """Leave in the middle of an order; a download may end before its reader does."""
    _, writer = await asyncio.open_connection(server.host, server.port)
    head = b"POST /orders HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    writer.write(head + b"Content-Length: 100\r\n\r\n{")
    await writer.drain()
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def _lose_partner(server: LiveServer) -> None:
    """Let a health page fail once, for whichever worker asks it next."""
    async with httpx2.AsyncClient(base_url=server.url, trust_env=False) as client:
        await client.post("/debug/outage", params={"answers": 1})


async def _leave_early(server: LiveServer) -> None:
    """Ask for a stream, and go away after the first piece."""
    reader, writer = await asyncio.open_connection(server.host, server.port)
    writer.write(b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n")
    await reader.readuntil(b"piece")
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def _chat(server: LiveServer) -> None:
    url = f"ws://{server.host}:{server.port}/socket"
    async with connect(url, proxy=None) as websocket:
        await websocket.recv()


def prometheus(servers: dict[str, LiveServer]) -> Prometheus:
    """Return a Prometheus that scrapes every job, with the rules of both namings."""
    rules = {
        name: content
        for one in KNOWN.values()
        if one.name in servers
        for name, content in rules_of(one).items()
    }
    config = scraping(
        {name: f"{HOST}:{server.port}" for name, server in servers.items()},
        rule_files=list(rules),
    )
    return Prometheus(config, files=rules)

"""Four processes that use everything, under load, scraped by a real Prometheus."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx2
from websockets.asyncio.client import connect

from steadfastapi.slo.declared import SLO
from steadfastapi.slo.objective import Spec
from steadfastapi.slo.rules import Rendering, rule_files, written
from steadfastapi.slo.windows import Clock
from support._tcp import HOST
from support.boards import ROOT
from support.prometheus import Prometheus, scraping
from support.redis import URL as REDIS_URL
from support.redis import namespace
from support.server import LiveServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from steadfastapi.signals import Naming

MINUTE_IN_SECONDS = 1.0
"""How long a minute of the rules is here."""
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
SLOS = (SLO(name="receipts", events=99.5), SLO(availability=99.9, latency=(0.25, 99)))


@dataclass(frozen=True, slots=True)
class Job:
    """One process, or one with its workers.

    Args:
        name: Prometheus's name of it.
        naming: Of its metrics.
        workers: How many; 0 for a process without any.
    """

    name: str
    naming: Naming
    workers: int = 0


JOBS = (
    Job("default-single", "default"),
    Job("default-multi", "default", 2),
    Job("otel-single", "otel"),
    Job("otel-multi", "otel", 2),
)


@contextlib.contextmanager
def busy_servers(
    folder: Path, jobs: Sequence[Job] = JOBS
) -> Iterator[dict[str, LiveServer]]:
    """Serve jobs; their data in a folder that goes away."""
    with namespace() as space, contextlib.ExitStack() as stack:
        servers = {job.name: _server(job, folder, space) for job in jobs}
        with ThreadPoolExecutor(len(JOBS)) as pool:
            for server in pool.map(LiveServer.__enter__, servers.values()):
                stack.push(server)
        yield servers


def _server(job: Job, folder: Path, space: str) -> LiveServer:
    data = folder / job.name
    values = data / "values"
    values.mkdir(parents=True)
    return LiveServer(
        "apps.busy_app:app",
        subprocess=True,
        workers=job.workers or None,
        start_timeout=60.0,
        cwd=ROOT,
        env={
            "PYTHONPATH": f"{ROOT / 'tests'}",
            "BUSY_DATA": str(data),
            "GIT_COMMIT": "4bf92f3",
            "LOG_LEVEL": "ERROR",
            "OTEL_SERVICE_NAME": f"{space}-{job.name}",
            "PROMETHEUS_MULTIPROC_DIR": str(values) if job.workers else None,
            "REDIS_URL": REDIS_URL,
            "STEADFAST_METRICS_NAMES": job.naming,
        },
    )


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
            for server in servers.values():
                group.create_task(_visit(server, stop, rare, pause))

    thread = threading.Thread(target=lambda: asyncio.run(run()), name="load")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


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
        for one in JOBS
        if one.name in servers
        for name, content in _rules(one).items()
    }
    config = scraping(
        {name: f"{HOST}:{server.port}" for name, server in servers.items()},
        rule_files=list(rules),
    )
    return Prometheus(config, files=rules)


def _rules(job: Job) -> dict[str, Any]:
    objectives = tuple(one for slo in SLOS for one in slo.objectives())
    spec = Spec(service=job.name, jobs=(job.name,), objectives=objectives)
    rendering = Rendering(naming=job.naming, clock=Clock(MINUTE_IN_SECONDS / 60))
    return {
        path.replace("/", "-"): written(content)
        for path, content in rule_files(spec, rendering).items()
    }

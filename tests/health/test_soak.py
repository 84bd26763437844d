"""Health checks over minutes: outages in a row, and nothing that grows."""

import asyncio
import gc
import threading
import time
from pathlib import Path

import pytest

from steadfastapi.health import (
    DiskSpaceProbe,
    EventLoopProbe,
    HealthHandle,
    HTTPProbe,
    ProbeStatus,
    RedisProbe,
    TCPProbe,
)
from steadfastapi.health.check import Check
from support.faults import BlackHole
from support.health import Dial, ask, running, until, with_health
from support.redis import OwnRedis

pytestmark = [pytest.mark.anyio, pytest.mark.soak, pytest.mark.timeout(600)]

CYCLES = 10


def only(handle: HealthHandle) -> Check:
    """Return the one check."""
    (check,) = handle.checks
    return check


async def test_outages_show_and_heal_in_time_every_time() -> None:
    """Stopped and started, ten times, behind an idle application."""
    down, up = [], []
    with OwnRedis() as server:
        app, handle = with_health(RedisProbe(url=server.url))
        standing = only(handle).standing
        async with running(app):
            await until(lambda: standing.status == ProbeStatus.HEALTHY)
            for _ in range(CYCLES):
                await asyncio.to_thread(server.kill)
                stopped = time.monotonic()
                await until(lambda: standing.status == ProbeStatus.UNHEALTHY)
                down.append(time.monotonic() - stopped)
                await asyncio.to_thread(server.start)
                started = time.monotonic()
                await until(lambda: standing.status == ProbeStatus.HEALTHY)
                up.append(time.monotonic() - started)

    assert max(down) <= 2.5
    assert max(up) <= 2.5


async def test_a_minute_of_trouble_leaves_nothing_behind() -> None:
    """Tasks, threads, open files and objects are as many as after the first tenth."""
    probe = Dial()
    probe.hangs = True
    release = threading.Event()
    with BlackHole() as hole, OwnRedis() as server:
        app, handle = with_health(
            probe,
            TCPProbe("127.0.0.1", hole.port),
            HTTPProbe(url=f"http://127.0.0.1:{hole.port}"),
            RedisProbe("hangs", url=f"redis://127.0.0.1:{hole.port}"),
            RedisProbe("flaps", url=server.url),
            DiskSpaceProbe(),
            EventLoopProbe(),
            check_every=0.05,
            timeout=0.03,
        )

        def blocks() -> None:
            release.wait(300)

        handle.add(blocks)

        def figures() -> tuple[int, int, int, int]:
            gc.collect()
            return (
                len(asyncio.all_tasks()),
                threading.active_count(),
                len(list(Path("/proc/self/fd").iterdir())),
                len(gc.get_objects()),
            )

        async with running(app):
            found = []
            for number in range(60):
                await asyncio.to_thread(server.freeze if number % 2 else server.thaw)
                if number % 10 == 0:
                    await asyncio.to_thread(server.kill)
                    await asyncio.to_thread(server.start)
                await asyncio.sleep(1)
                await ask(app, "/health/status")
                found.append(figures())
        release.set()
    early, late = found[6:12], found[-6:]

    for kind, room in enumerate((8, 4, 8, 2_000)):
        assert max(one[kind] for one in late) <= max(one[kind] for one in early) + room

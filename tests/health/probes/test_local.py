"""Probes of this machine, of ports and services, and probes around probes."""

import asyncio
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Response

from steadfastapi.exceptions import ConfigurationError
from steadfastapi.health import (
    BaseProbe,
    DiskSpaceProbe,
    EventLoopProbe,
    HTTPProbe,
    KafkaProbe,
    MemcachedProbe,
    MongoProbe,
    NoOpProbe,
    PostgreSQLProbe,
    ProbeResult,
    ProbeStatus,
    TCPProbe,
    ThresholdProbe,
)
from steadfastapi.health.check import Check, Rules
from steadfastapi.health.group import member_of
from support.faults import BlackHole, refused_port
from support.proxy import FaultProxy
from support.server import LiveServer
from support.services import require

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def checking(probe: BaseProbe, seconds: float = 2.0) -> AsyncIterator[Any]:
    """Return what checks a probe once, and gives its result."""
    rules = Rules(timeout=seconds, every=0.0, fail_after=1, recover_after=1)
    check = Check(member_of(probe, critical=True), rules, lambda *_: None)

    async def once() -> ProbeResult:
        flight = check.begin()
        assert flight is not None
        await asyncio.wait({flight})
        assert check.latest is not None
        return check.latest

    yield once
    await check.aclose()


async def once(probe: BaseProbe, seconds: float = 2.0) -> ProbeResult:
    """Return the result of one check."""
    async with checking(probe, seconds) as ask:
        result: ProbeResult = await ask()
        return result


# Ports


async def test_a_port_is_open_or_it_is_not() -> None:
    """A probe of it is named after it."""
    with BlackHole() as open_, refused_port() as refused:
        up = await once(TCPProbe("127.0.0.1", open_.port))
        down = await once(TCPProbe("127.0.0.1", refused))

    assert (f"tcp:127.0.0.1:{open_.port}", "healthy") == (up.name, up.status)
    assert "unhealthy" == down.status
    assert down.error is not None
    assert down.error.startswith("ConnectionRefusedError: ")


async def test_a_name_server_that_hangs_takes_one_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However often it is asked; the event loop's own threads stay free."""
    release, looked_up = threading.Event(), []

    def hang(name: Any, *_: Any, **__: Any) -> Any:
        looked_up.append(name)
        release.wait(5)
        raise OSError("no such name")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    probes = (
        TCPProbe("tcp.example", 1),
        PostgreSQLProbe(url="postgresql://a.example,b.example/db"),
    )
    for probe in probes:
        async with checking(probe, 0.05) as ask:
            results = [await ask() for _ in range(4)]
        assert {"unhealthy"} == {result.status for result in results}
    seen = list(looked_up)
    release.set()

    assert ["tcp.example", "a.example"] == seen


@pytest.mark.parametrize(
    ("driver", "make"),
    [
        ("aiomcache", lambda port: MemcachedProbe("127.0.0.1", port)),
        # Cancelled on a slow machine these drivers leave a socket to the collector,
        # which would fail whatever test comes next.
        pytest.param(
            "aiokafka",
            lambda port: KafkaProbe(f"127.0.0.1:{port}"),
            marks=pytest.mark.soak,
        ),
        pytest.param(
            "pymongo",
            lambda port: MongoProbe(url=f"mongodb://127.0.0.1:{port}"),
            marks=pytest.mark.soak,
        ),
        ("httpx", lambda port: HTTPProbe(url=f"http://127.0.0.1:{port}")),
    ],
)
async def test_what_refuses_or_hangs_is_unhealthy_in_time(
    driver: str, make: Any
) -> None:
    """Also where no such server is at hand to answer."""
    require(f"the package {driver}", find_spec(driver))
    started = time.perf_counter()
    with BlackHole() as hole, refused_port() as refused:
        results = [
            await once(make(hole.port), 0.5),
            await once(make(refused), 0.5),
        ]
    took = time.perf_counter() - started

    assert ["unhealthy"] * 2 == [result.status for result in results]
    assert all(result.error for result in results)
    assert took < 3


@contextmanager
def memcached() -> Iterator[int]:
    """Run a server of the test's own, where the machine has it."""
    binary = require("memcached", shutil.which("memcached"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    started = subprocess.Popen(
        [binary, "-u", "nobody", "-l", "127.0.0.1", "-p", str(port), "-U", "0"]
    )
    try:
        yield port
    finally:
        started.kill()
        started.wait()


async def test_memcached_answers_with_its_version() -> None:
    """Over one connection; a reset one is made anew."""
    require("the package aiomcache", find_spec("aiomcache"))
    with memcached() as port, FaultProxy("127.0.0.1", port) as proxy:
        async with checking(MemcachedProbe(proxy.host, proxy.port)) as ask:
            first = await ask()
            for _ in range(100):
                if first.is_healthy:  # it listens
                    break
                await asyncio.sleep(0.02)
                first = await ask()
            proxy.drop()
            second = await ask()
            proxy.refuse()
            third = await ask()

    assert ["healthy", "healthy", "unhealthy"] == [
        result.status for result in (first, second, third)
    ]
    assert ["server_version"] == list(first.details)


# HTTP


def service() -> FastAPI:
    """Return a service that answers with the status that is asked for."""
    app = FastAPI()

    @app.api_route("/{code}", methods=["GET", "HEAD"])
    async def status(code: int) -> Response:
        return Response(status_code=code)

    return app


async def test_a_service_is_judged_by_its_status() -> None:
    """Below 400, or what is expected; over one connection."""
    with LiveServer(service()) as server:

        def probe(code: int, **options: Any) -> HTTPProbe:
            return HTTPProbe(url=f"{server.url}/{code}", **options)

        results = [
            await once(probe(200)),
            await once(probe(302)),
            await once(probe(503)),
            await once(probe(503, expected_status=503)),
            await once(probe(200, expected_status=204)),
            await once(probe(204, method="HEAD")),
        ]

    assert [
        ("healthy", None),
        ("healthy", None),
        ("unhealthy", "RuntimeError: status 503, expected below 400"),
        ("healthy", None),
        ("unhealthy", "RuntimeError: status 200, expected 204"),
        ("healthy", None),
    ] == [(result.status, result.error) for result in results]
    assert {"status_code": 200} == results[0].details


async def test_an_applications_http_client_is_used_and_not_closed() -> None:
    """Async or not."""
    with LiveServer(service()) as server, httpx.Client() as blocking:
        async with httpx.AsyncClient() as client:
            results = [
                await once(HTTPProbe(url=f"{server.url}/200", client=one))
                for one in (client, blocking)
            ]
            assert not client.is_closed
        assert not blocking.is_closed

    assert ["healthy"] * 2 == [result.status for result in results]


async def test_headers_of_a_probe_are_secrets() -> None:
    """They are how it authenticates."""
    probe = HTTPProbe(url="https://h", headers={"Authorization": "Bearer abc"})

    assert "Bearer abc" in probe.secrets


# Disk and event loop


@pytest.mark.parametrize(
    ("free", "status"), [(50, "healthy"), (8, "degraded"), (3, "unhealthy")]
)
async def test_free_space_is_judged_in_percent(
    free: int, status: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Ten and five percent by default."""
    usage = shutil._ntuple_diskusage(100, 100 - free, free)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    result = await once(DiskSpaceProbe(tmp_path))

    assert (status, f"disk:{tmp_path}") == (result.status, result.name)
    assert {"free_percent": free, "free_bytes": free} == result.details


async def test_the_disk_of_this_machine_can_be_asked() -> None:
    """By whatever path."""
    result = await once(DiskSpaceProbe("/", warn_percent=0, fail_percent=0))

    assert "healthy" == result.status


@pytest.mark.parametrize(
    "make",
    [
        lambda: DiskSpaceProbe("/no/such/path"),
        lambda: DiskSpaceProbe("/", warn_percent=1, fail_percent=2),
        lambda: EventLoopProbe(warn_ms=2, fail_ms=1),
        lambda: EventLoopProbe(sample_interval_ms=0),
        lambda: ThresholdProbe(NoOpProbe()),
        lambda: ThresholdProbe(lambda: None, fail_if=bool),  # type: ignore[arg-type]
    ],
)
def test_thresholds_that_make_no_sense_are_refused(make: Any) -> None:
    """When the probe is created."""
    with pytest.raises(ConfigurationError):
        make()


async def test_a_loop_that_was_blocked_shows_at_the_next_check() -> None:
    """And no more at the one after it."""
    probe = EventLoopProbe(warn_ms=60, fail_ms=5_000, sample_interval_ms=5)
    async with checking(probe) as ask:
        results = [await ask()]
        await asyncio.sleep(0.02)
        time.sleep(0.1)  # noqa: ASYNC251 - what it is about
        results.append(await ask())
        await asyncio.sleep(0.02)
        results.append(await ask())

    assert ["healthy", "degraded"] == [result.status for result in results[:2]]
    assert results[1].error is not None
    assert results[1].error.endswith(" ms late")
    assert results[1].details is not None
    assert results[1].details["lag_ms"] >= 60


# Probes around probes


class Depth(NoOpProbe):
    """A queue, as deep as it is set."""

    depth = 0

    async def check(self) -> ProbeResult:
        """Return the depth."""
        return ProbeResult(
            name=self.name,
            status=ProbeStatus.HEALTHY,
            details={"depth": self.depth},
        )


class Blocking(BaseProbe):
    """The same, in a thread."""

    name = "blocking"

    def check(self) -> dict[str, int]:
        """Return the depth."""
        return {"depth": 600}


@pytest.mark.parametrize(
    ("depth", "status"), [(1, "healthy"), (600, "degraded"), (2_000, "unhealthy")]
)
async def test_details_can_be_judged(depth: int, status: str) -> None:
    """By two functions; failing counts before warning."""
    inner = Depth("queue", tags=["mq"])
    inner.depth = depth
    probe = ThresholdProbe(
        inner,
        warn_if=lambda details: details["depth"] > 500,
        fail_if=lambda details: details["depth"] > 1_000,
    )
    result = await once(probe)

    assert ("queue", status, ["mq"]) == (result.name, result.status, result.tags)
    assert {"depth": depth} == result.details


async def test_a_probe_that_blocks_can_be_judged_too() -> None:
    """In its thread."""
    result = await once(ThresholdProbe(Blocking(), warn_if=lambda d: d["depth"] > 1))

    assert "degraded" == result.status


async def test_what_fails_already_is_not_judged() -> None:
    """Nor what says nothing."""

    class Fails(NoOpProbe):
        async def check(self) -> ProbeResult:
            return ProbeResult(
                name=self.name, status=ProbeStatus.UNHEALTHY, error="down"
            )

    result = await once(ThresholdProbe(Fails("a"), fail_if=lambda d: d["missing"]))

    assert ("unhealthy", "down") == (result.status, result.error)

"""Every way in which a Redis can fail: no 500, no waiting, shared again by itself."""

import asyncio
import time
from collections.abc import Callable, Iterator

import anyio
import pytest
from fastapi import FastAPI
from redis import Redis

from steadfastapi import Limiter, Limits, configure
from steadfastapi.limits import storage
from steadfastapi.limits.deadline import BUDGET
from steadfastapi.limits.storage import MAX_ASKED
from support.asgi import call
from support.limited import OFF, running, until
from support.proxy import FaultProxy
from support.redis import OwnRedis

Fault = Callable[[FaultProxy, "Redis"], object]


@pytest.fixture(scope="module")
def server() -> Iterator[OwnRedis]:
    """A Redis of this module's own."""
    with OwnRedis() as started:
        yield started


def out_of_memory(proxy: FaultProxy, client: Redis) -> None:
    """Let every write be refused."""
    client.config_set("maxmemory", "1kb")


def read_only(proxy: FaultProxy, client: Redis) -> None:
    """Let it be the replica of nobody."""
    client.replicaof("127.0.0.1", 1)


def too_many_clients(proxy: FaultProxy, client: Redis) -> None:
    """Let it take no more connections than this one."""
    client.config_set("maxclients", 1)
    proxy.drop()


FAULTS: dict[str, Fault] = {
    "refused": lambda proxy, _: proxy.refuse(),
    "black hole": lambda proxy, _: proxy.black_hole(),
    "latency": lambda proxy, _: proxy.latency(10),
    "reset": lambda proxy, _: proxy.reset(),
    "trickle": lambda proxy, _: proxy.trickle(1),
    "OOM": out_of_memory,
    "READONLY": read_only,
    "maximum clients": too_many_clients,
}


def repair(proxy: FaultProxy, client: Redis) -> None:
    """Undo whatever was done."""
    client.config_set("maxclients", 10_000)
    client.config_set("maxmemory", 0)
    client.replicaof("NO", "ONE")
    proxy.heal()


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_an_outage_costs_no_request_its_answer(
    server: OwnRedis, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most 50 ms each for the first few, nothing for the rest, back by itself."""
    monkeypatch.setattr(storage, "PROBE_INTERVAL", 0.1)
    limiter = Limiter()
    app = FastAPI()
    app.get("/open")(limiter.limit("1000/minute")(lambda: "ok"))
    app.get("/closed")(
        limiter.limit("1000/minute", when_storage_fails="deny")(lambda: "ok")
    )

    async def timed(path: str) -> tuple[int | None, float]:
        began = time.perf_counter()
        result = await call(app, path=path)
        return result.status, time.perf_counter() - began

    async def run(proxy: FaultProxy, client: Redis) -> None:
        url = f"redis://{proxy.host}:{proxy.port}/0"
        stack = configure(app, limits=Limits(storage=url), **OFF)
        async with running(app):
            assert 200 == (await timed("/open"))[0]
            fault(proxy, client)
            answers = [await timed("/open") for _ in range(8)]
            denied = await timed("/closed")
            down = stack.limiter.storage_down
            repair(proxy, client)
            await until(lambda: not stack.limiter.storage_down)
            # On a busy machine the first answer may be a late one, which is denied.
            again = [await timed("/closed") for _ in range(5)]

        assert [200] * 8 == [status for status, _ in answers]
        assert max(seconds for _, seconds in answers) <= BUDGET + 0.055
        assert (503, True) == (denied[0], down)
        assert 200 in [status for status, _ in again]

    client = server.client()
    with FaultProxy("127.0.0.1", server.port) as proxy, client:
        client.ping()
        try:
            anyio.run(run, proxy, client)
        finally:
            repair(proxy, client)


def test_connections_are_bounded_and_given_back(server: OwnRedis) -> None:
    """However many decide at one time, and after answers that came too late."""
    app = FastAPI()
    app.get("/a")(Limiter().limit("100000/minute")(lambda: "ok"))
    stack = configure(app, limits=Limits(storage=server.url), **OFF)

    async def burst(count: int = 200) -> set[int | None]:
        results = await asyncio.gather(*[call(app, path="/a") for _ in range(count)])
        return {result.status for result in results}

    with server.client() as client:
        before = len(client.client_list())

        allowed = MAX_ASKED + 1  # and one that looks whether it is there

        def connected() -> int:
            return len(client.client_list()) - before

        async def run() -> None:
            async with running(app):
                assert {200} == await burst()
                assert not stack.limiter.storage_down  # busy, but not failing
                assert connected() <= allowed
                server.freeze()
                assert {200} == await burst()
                server.thaw()
                # The server sees one by one that those it did not answer are gone.
                await until(lambda: connected() <= allowed)
            await until(lambda: connected() == 0)

        anyio.run(run)

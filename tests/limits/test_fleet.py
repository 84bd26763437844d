"""RL-1, RL-4 and RL-5: real workers on a real Redis, and what an outage does."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import anyio
import pytest

from support.raw import parse_response
from support.redis import URL, OwnRedis, namespace
from support.server import LiveServer

APP = "apps.limited_app:app"
WORKERS = 4
CLIENTS = 8


@dataclass(frozen=True)
class Answer:
    """What one request was answered, between which two moments."""

    status: int
    body: bytes
    sent: float
    received: float

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.received - self.sent


async def ask(server: LiveServer, path: str) -> Answer:
    """Send one request on a connection of its own, which any worker may take."""
    request = f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    sent = time.perf_counter()
    reader, writer = await asyncio.open_connection(server.host, server.port)
    writer.write(request.encode())
    answer = parse_response(await reader.read())
    received = time.perf_counter()
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return Answer(answer.status, answer.body, sent, received)


async def load(
    server: LiveServer, path: str, seconds: float, clients: int = CLIENTS
) -> list[Answer]:
    """Let clients ask as fast as they are answered."""
    answers: list[Answer] = []
    ends_at = time.perf_counter() + seconds

    async def client() -> None:
        while time.perf_counter() < ends_at:
            answers.append(await ask(server, path))

    async with anyio.create_task_group() as tasks:
        for _ in range(clients):
            tasks.start_soon(client)
    return answers


async def all_workers(server: LiveServer) -> set[bytes]:
    """Wait until every worker has answered; return what they said of themselves."""
    seen: set[bytes] = set()
    with anyio.fail_after(30):
        while len(seen) < WORKERS:
            answers = [ask(server, "/free") for _ in range(CLIENTS)]
            seen |= {answer.body for answer in await asyncio.gather(*answers)}
    return seen


def most_in_a_window(accepted: list[Answer], window: float) -> int:
    """Return how many were surely accepted within one window, wherever it is laid."""
    return max(
        sum(
            one.sent <= other.sent and other.received < one.sent + window
            for other in accepted
        )
        for one in accepted
    )


def environment(url: str, name: str, **more: str) -> dict[str, str | None]:
    """Return what a server of the application needs."""
    return {
        "REDIS_URL": url,
        "STEADFAST_LIMITS_NAMESPACE": name,
        "ENVIRONMENT": "production",
        **more,
    }


@pytest.mark.parametrize(
    ("amount", "windows"),
    [(50, 3.5), pytest.param(100, 30.5, marks=pytest.mark.soak)],
)
def test_rl_1_four_workers_never_exceed_the_limit(amount: int, windows: float) -> None:
    """Eight clients: the first window grants the limit, and no window more.

    The route is closed to decisions that came too late, as they do where the machine
    is busy: what a worker would then grant by itself is no matter of this test.
    """

    async def run(server: LiveServer) -> list[Answer]:
        await all_workers(server)
        return await load(server, "/strict", windows)

    with namespace() as name:
        settings = environment(URL, name, TEST_LIMIT=f"{amount}/second")
        with LiveServer(APP, workers=WORKERS, env=settings) as server:
            answers = anyio.run(run, server)
    accepted = [answer for answer in answers if answer.status == 200]
    began = min(answer.sent for answer in accepted)
    pids = {answer.body for answer in accepted}

    late = sum(answer.status == 503 for answer in answers)
    first = sum(answer.received < began + 1 for answer in accepted)

    assert {200, 429} == {answer.status for answer in answers} - {503}
    assert late <= len(answers) / 20
    assert amount - late <= first <= amount
    assert most_in_a_window(accepted, 1.0) <= amount
    assert len(accepted) >= amount * int(windows) - late
    assert len(pids) >= 2


@pytest.fixture
def own_redis() -> Iterator[OwnRedis]:
    """A Redis to freeze."""
    with OwnRedis() as server:
        yield server


def percentile(answers: list[Answer], share: float = 0.99) -> float:
    """Return the seconds that all but a few took less than."""
    ordered = sorted(answer.seconds for answer in answers)
    return ordered[int(len(ordered) * share)]


async def both(server: LiveServer, seconds: float) -> dict[str, list[Answer]]:
    """Load a limited route, and an unrelated one beside it."""
    found: dict[str, list[Answer]] = {}

    async def one(path: str, clients: int) -> None:
        found[path] = await load(server, path, seconds, clients)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(one, "/limited", 4)
        tasks.start_soon(one, "/free", 2)
    return found


async def shared_again(server: LiveServer) -> float:
    """Return the seconds until a route that needs the storage is open."""
    began = time.perf_counter()
    with anyio.fail_after(20):
        while (await ask(server, "/closed")).status != 200:  # noqa: ASYNC110 - no event
            await anyio.sleep(0.02)
    return time.perf_counter() - began


@pytest.mark.parametrize("seconds", [2.0, pytest.param(30.0, marks=pytest.mark.soak)])
def test_rl_4_a_frozen_redis_under_load(own_redis: OwnRedis, seconds: float) -> None:
    """No 500, an unrelated route as fast as ever, and shared again within 5 s."""

    async def run(server: LiveServer) -> tuple[Any, Any, float]:
        await load(server, "/limited", 0.5)
        healthy = await both(server, seconds)
        own_redis.freeze()
        frozen = await both(server, seconds)
        own_redis.thaw()
        return healthy, frozen, await shared_again(server)

    settings = environment(own_redis.url, "frozen", TEST_LIMIT="1000000/minute")
    with LiveServer(APP, subprocess=True, env=settings) as server:
        healthy, frozen, recovery = anyio.run(run, server)
    statuses = Counter(
        answer.status for found in (healthy, frozen) for answer in found["/limited"]
    )
    rise = percentile(frozen["/free"]) - percentile(healthy["/free"])

    assert {200} == set(statuses)
    assert rise <= 0.055
    assert recovery <= 5


async def freeze(server: OwnRedis) -> None:
    """Let it accept and never answer."""
    server.freeze()


async def kill(server: OwnRedis) -> None:
    """Let its port refuse."""
    server.kill()


@pytest.mark.parametrize("fail", [freeze, kill])
def test_rl_5_a_route_is_open_or_closed_as_it_asked(
    own_redis: OwnRedis, fail: Callable[[OwnRedis], Awaitable[None]]
) -> None:
    """While the storage fails: 503 where it must be shared, local limits elsewhere."""

    async def run(server: LiveServer) -> tuple[list[Answer], list[Answer]]:
        await fail(own_redis)
        return (
            await load(server, "/limited", 1.0),
            [await ask(server, "/closed") for _ in range(5)],
        )

    settings = environment(own_redis.url, "closed", TEST_LIMIT="8/minute")
    with LiveServer(APP, subprocess=True, env=settings) as server:
        answers, closed = anyio.run(run, server)
    found = Counter(answer.status for answer in answers)

    assert {200: 8, 429: len(answers) - 8} == found
    assert [503] * 5 == [answer.status for answer in closed]
    assert b'{"detail":"Service temporarily unavailable"}' == closed[0].body

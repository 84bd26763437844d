"""What no server here can answer: the calls that are made, against stand-ins."""

import asyncio
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from steadfastapi.health import BaseProbe, KafkaProbe, MongoProbe, PostgreSQLProbe

pytestmark = pytest.mark.anyio


async def outcome(probe: BaseProbe) -> Any:
    """Return what a check returns."""
    found: Any = probe.check()
    return await found


class Asked:
    """Remembers what it was asked.

    Args:
        answer: What it says, at once or to be awaited.
    """

    def __init__(self, answer: Any = None, *, waits: bool = True) -> None:
        self.questions: list[Any] = []
        self._answer = answer
        self._waits = waits

    def __call__(self, *question: Any) -> Any:
        """Answer."""
        self.questions.append(question)
        return asyncio.sleep(0, self._answer) if self._waits else self._answer


async def test_clients_of_kafka_are_asked_for_the_brokers() -> None:
    """Admin clients, producers and consumers."""
    cluster = {"brokers": [1, 2, 3]}
    metadata = SimpleNamespace(brokers=lambda: [1, 2])
    inner = SimpleNamespace(fetch_all_metadata=Asked(metadata))
    clients = [
        SimpleNamespace(describe_cluster=Asked(cluster)),
        SimpleNamespace(client=inner),
        SimpleNamespace(_client=inner),
    ]
    found = [await outcome(KafkaProbe(client=client)) for client in clients]

    assert [{"brokers": 3}, {"brokers": 2}, {"brokers": 2}] == found
    with pytest.raises(TypeError, match="SimpleNamespace is no client of aiokafka"):
        await outcome(KafkaProbe(client=SimpleNamespace()))


class BlockingClient:
    """Looks like pymongo's client that is not async."""

    __module__ = "pymongo.synchronous.mongo_client"

    def __init__(self, ping: Asked) -> None:
        self.admin = SimpleNamespace(command=ping)


async def test_clients_of_mongodb_are_pinged() -> None:
    """Async ones in the event loop, others in a thread."""
    waits, blocks = Asked({"ok": 1}), Asked({"ok": 1}, waits=False)
    asynchronous = SimpleNamespace(admin=SimpleNamespace(command=waits))
    await outcome(MongoProbe(client=asynchronous))
    await outcome(MongoProbe(client=BlockingClient(blocks)))

    assert [("ping",)] == waits.questions == blocks.questions


async def test_a_pool_of_psycopg_lends_a_connection() -> None:
    """And gets it back."""
    execute, returned = Asked(), []

    @asynccontextmanager
    async def connection() -> Any:
        yield SimpleNamespace(execute=execute)
        returned.append(True)

    await outcome(PostgreSQLProbe(client=SimpleNamespace(connection=connection)))

    assert ([("SELECT 1",)], [True]) == (execute.questions, returned)


async def test_watched_calls_degrade_a_dependency_that_answers() -> None:
    """One connection is well, and the application's calls fail: both are told."""
    probe = PostgreSQLProbe(client=SimpleNamespace(execute=Asked()))
    for _ in range(10):
        probe.record(0.01, "UniqueViolationError")
    result = await outcome(probe)

    assert ("degraded", "error rate 100.0% is above 10.0%") == (
        result.status,
        result.error,
    )
    assert {"UniqueViolationError": 10} == result.details["error_types"]


async def test_two_applications_may_share_a_probe() -> None:
    """One connection is kept, the other one closed."""
    closed: list[Any] = []
    together = asyncio.Event()

    class Shared(PostgreSQLProbe):
        async def connect(self) -> Any:
            return object()

        async def ask(self, connection: Any) -> None:
            await together.wait()

        async def disconnect(self, connection: Any) -> None:
            closed.append(connection)

    probe = Shared(url="postgresql://127.0.0.1/db")
    asked = [asyncio.create_task(outcome(probe)) for _ in range(2)]
    await asyncio.sleep(0.01)
    together.set()
    await asyncio.gather(*asked)
    await outcome(probe)
    before = len(closed)
    await probe.aclose()

    assert (1, 2) == (before, len(set(closed)))

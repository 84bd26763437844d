"""Probes against real servers, behind a proxy that misbehaves."""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from steadfastapi.health import (
    BaseProbe,
    MySQLProbe,
    PostgreSQLProbe,
    RabbitMQProbe,
    RedisProbe,
    SMTPProbe,
    SQLAlchemyProbe,
)
from steadfastapi.health.check import Check, Rules
from steadfastapi.health.group import member_of
from support.proxy import FaultProxy
from support.services import (
    find_mysql,
    find_postgres,
    find_rabbitmq,
    find_redis,
    require,
)

pytestmark = [
    pytest.mark.anyio,
    # aiormq closes a connection that was reset in a task that it may not start (7.2).
    pytest.mark.filterwarnings(
        "ignore:.*Connection.close:pytest.PytestUnraisableExceptionWarning",
        "ignore:coroutine 'Connection.close' was never awaited:RuntimeWarning",
    ),
]


class Server(NamedTuple):
    """A server, and a probe for the port that it is given."""

    name: str
    find: Callable[[], tuple[str, int] | None]
    probe: Callable[[int], BaseProbe]


SERVERS = {
    "postgresql": Server(
        "PostgreSQL",
        find_postgres,
        lambda port: PostgreSQLProbe(url=f"postgresql://root@127.0.0.1:{port}/test"),
    ),
    "postgresql+asyncpg": Server(
        "PostgreSQL",
        find_postgres,
        lambda port: PostgreSQLProbe(
            url=f"postgresql+asyncpg://root@127.0.0.1:{port}/test"
        ),
    ),
    "mysql": Server(
        "MySQL",
        find_mysql,
        lambda port: MySQLProbe(url=f"mysql://root@127.0.0.1:{port}/test"),
    ),
    "redis": Server(
        "Redis",
        find_redis,
        lambda port: RedisProbe(url=f"redis://127.0.0.1:{port}/1"),
    ),
    "rabbitmq": Server(
        "RabbitMQ",
        find_rabbitmq,
        lambda port: RabbitMQProbe(url=f"amqp://guest:guest@127.0.0.1:{port}/"),
    ),
    "sqlalchemy, async": Server(
        "PostgreSQL",
        find_postgres,
        lambda port: SQLAlchemyProbe(
            url=f"postgresql+asyncpg://root@127.0.0.1:{port}/test"
        ),
    ),
    "sqlalchemy, sync": Server(
        "PostgreSQL",
        find_postgres,
        lambda port: SQLAlchemyProbe(
            url=f"postgresql+psycopg://root@127.0.0.1:{port}/test"
        ),
    ),
}


def check_of(probe: BaseProbe, timeout: float = 2.0) -> Check:
    """Return a check that decides at once."""
    rules = Rules(timeout=timeout, every=0.0, fail_after=1, recover_after=1)
    return Check(member_of(probe, critical=True), rules, lambda *_: None)


async def verdict(check: Check) -> tuple[str, str]:
    """Return status and error of one check."""
    flight = check.begin()
    assert flight is not None
    await asyncio.wait({flight})
    assert check.latest is not None
    return check.latest.status.value, check.latest.error or ""


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> Server:
    """Each server that there is."""
    return SERVERS[request.param]


async def test_a_probe_really_connects_and_keeps_its_connection(server: Server) -> None:
    """One connection, however often it is asked."""
    address = require(server.name, server.find())
    with FaultProxy(*address) as proxy:
        check = check_of(server.probe(proxy.port))
        verdicts = [await verdict(check) for _ in range(3)]
        connections = proxy.connections
        await check.aclose()

    # Sync drivers mind threads, so that such an engine keeps nothing.
    kept = "psycopg" not in str(getattr(check.probe, "url", ""))
    assert [("healthy", "")] * 3 == verdicts
    assert (1 if kept else 3) == connections


async def test_a_server_that_stops_is_seen_and_so_is_its_return(server: Server) -> None:
    """Refused connections, then healed; then only the old connection is dead."""
    address = require(server.name, server.find())
    with FaultProxy(*address) as proxy:
        check = check_of(server.probe(proxy.port))
        statuses = [(await verdict(check))[0]]
        proxy.refuse()
        down, error = await verdict(check)
        proxy.heal()
        statuses += [down, (await verdict(check))[0]]
        proxy.drop()
        statuses.append((await verdict(check))[0])
        await check.aclose()

    assert ["healthy", "unhealthy", "healthy", "healthy"] == statuses
    assert error.split(":")[0].isidentifier()


async def test_a_server_that_hangs_is_seen_in_time(server: Server) -> None:
    """On the kept connection, and on a new one; it heals without a restart."""
    address = require(server.name, server.find())
    with FaultProxy(*address) as proxy:
        check = check_of(server.probe(proxy.port), timeout=0.3)
        statuses = [(await verdict(check))[0]]
        proxy.black_hole()
        hung = [await verdict(check) for _ in range(2)]
        proxy.heal()
        for _ in range(100):
            status, _ = await verdict(check)
            if status == "healthy":
                break
            await asyncio.sleep(0.02)
        await check.aclose()

    assert ["healthy"] == statuses
    assert ["unhealthy"] * 2 == [status for status, _ in hung]
    assert all(error.startswith("TimeoutError: ") for _, error in hung)
    assert "healthy" == status


WRONG: dict[str, tuple[Server, Callable[[Any], BaseProbe]]] = {
    "postgresql": (
        SERVERS["postgresql"],
        lambda secret: PostgreSQLProbe(
            url=f"postgresql://root:{secret}@127.0.0.1/no_such_database"
        ),
    ),
    "mysql": (
        SERVERS["mysql"],
        lambda secret: MySQLProbe(url=f"mysql://nobody:{secret}@127.0.0.1/test"),
    ),
    "rabbitmq": (
        SERVERS["rabbitmq"],
        lambda secret: RabbitMQProbe(url=f"amqp://nobody:{secret}@127.0.0.1/"),
    ),
    "redis": (
        SERVERS["redis"],
        lambda secret: RedisProbe(url=f"redis://nobody:{secret}@127.0.0.1/"),
    ),
    "sqlalchemy": (
        SERVERS["postgresql"],
        lambda secret: SQLAlchemyProbe(
            url=f"postgresql+asyncpg://root:{secret}@127.0.0.1/no_such_database"
        ),
    ),
}


@pytest.mark.parametrize("case", WRONG)
async def test_a_server_that_refuses_the_login_is_unhealthy(case: str) -> None:
    """With its own words, and without the password."""
    server, make = WRONG[case]
    require(server.name, server.find())
    check = check_of(make("s3cr3t-p4ssw0rd"))
    status, error = await verdict(check)
    await check.aclose()

    assert "unhealthy" == status
    assert "s3cr3t" not in error
    assert error


async def test_an_applications_clients_are_asked_instead() -> None:
    """Pools and engines, async or not; none is closed."""
    require("PostgreSQL", find_postgres())
    require("Redis", find_redis())
    require("MySQL", find_mysql())
    import aiomysql
    import asyncpg  # type: ignore[import-untyped]
    import redis
    import redis.asyncio
    from sqlalchemy import create_engine
    from sqlalchemy.ext.asyncio import create_async_engine

    pool = await asyncpg.create_pool("postgresql://root@127.0.0.1/test", min_size=1)
    mysql = await aiomysql.create_pool(host="127.0.0.1", user="root", db="test")
    async_redis, sync_redis = redis.asyncio.Redis(), redis.Redis()
    async_engine = create_async_engine("postgresql+asyncpg://root@127.0.0.1/test")
    engine = create_engine("postgresql+psycopg://root@127.0.0.1/test")
    probes = [
        PostgreSQLProbe(client=pool),
        MySQLProbe(client=mysql),
        RedisProbe("async", client=async_redis),
        RedisProbe("sync", client=sync_redis),
        SQLAlchemyProbe("async-engine", engine=async_engine),
        SQLAlchemyProbe("sync-engine", engine=engine),
    ]
    verdicts = {}
    for probe in probes:
        check = check_of(probe)
        verdicts[probe.name] = await verdict(check)
        await check.aclose()
    assert 1 == await pool.fetchval("SELECT 1")
    await pool.close()
    mysql.close()
    await mysql.wait_closed()
    await async_redis.aclose()
    sync_redis.close()
    await async_engine.dispose()
    engine.dispose()

    assert {probe.name: ("healthy", "") for probe in probes} == verdicts


async def test_a_broker_connection_of_the_application_is_asked() -> None:
    """aio-pika's, robust or not."""
    require("RabbitMQ", find_rabbitmq())
    import aio_pika

    connection = await aio_pika.connect_robust("amqp://guest:guest@127.0.0.1/")
    found = await verdict(check_of(RabbitMQProbe(client=connection)))
    await connection.close()

    assert ("healthy", "") == found


async def test_a_mail_server_is_greeted() -> None:
    """By a server that speaks so much SMTP as it takes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        while line := await reader.readline():
            writer.write(
                b"250 ok\r\n" if line.lower().startswith(b"noop") else b"502 no\r\n"
            )
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    check = check_of(SMTPProbe(url=f"smtp://127.0.0.1:{port}"))
    verdicts = [await verdict(check) for _ in range(2)]
    await check.aclose()
    server.close()
    gone = await verdict(check_of(SMTPProbe(url=f"smtp://127.0.0.1:{port}")))

    assert [("healthy", "")] * 2 == verdicts
    assert "unhealthy" == gone[0]

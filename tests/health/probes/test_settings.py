"""Addresses, extras and options of the built-in probes."""

import sys
from typing import Any

import pytest

from steadfastapi import health
from steadfastapi.exceptions import ConfigurationError, MissingExtraError
from steadfastapi.health import (
    BaseProbe,
    CeleryProbe,
    HTTPProbe,
    KafkaProbe,
    MemcachedProbe,
    MongoProbe,
    MySQLProbe,
    PostgreSQLProbe,
    RabbitMQProbe,
    RedisProbe,
    RedisStorage,
    SMTPProbe,
    SQLAlchemyProbe,
    TCPProbe,
)

SECRET = "s3cr3t-p4ssw0rd"


def problem(make: Any) -> str:
    """Return what is said instead of making a probe."""
    with pytest.raises(ConfigurationError) as caught:
        make()
    return str(caught.value)


@pytest.mark.parametrize(
    ("kind", "url"),
    [
        (PostgreSQLProbe, f"mysql://u:{SECRET}@h/db"),
        (PostgreSQLProbe, f"postgresql://u:{SECRET}@h:port/db"),
        (PostgreSQLProbe, ""),
        (PostgreSQLProbe, 5432),
        (MySQLProbe, f"postgresql://u:{SECRET}@h/db"),
        (RedisProbe, f"http://:{SECRET}@h"),
        (RedisProbe, "localhost:6379"),
        (RedisProbe, "redis://"),
        (RabbitMQProbe, f"redis://u:{SECRET}@h"),
        (MongoProbe, f"mongo://u:{SECRET}@h"),
        (SMTPProbe, "mail.example:25"),
        (HTTPProbe, "stripe.example/health"),
        (SQLAlchemyProbe, "not an address"),
        (SQLAlchemyProbe, f"nosuch://u:{SECRET}@h/db"),
        (SQLAlchemyProbe, f"postgresql+nosuch://u:{SECRET}@h/db"),
        (MemcachedProbe, "redis://h"),
    ],
)
def test_an_address_that_cannot_be_read_is_refused(kind: Any, url: Any) -> None:
    """At once, in one sentence, without its password."""
    if kind.drivers:
        pytest.importorskip(kind.drivers[-1])
    text = problem(lambda: kind(url=url))

    assert kind.__name__ in text
    assert SECRET not in text


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p@a:5432,b:5433/db",
        "postgres://h/db",
        "postgresql:///db?host=/run/postgresql",
        "postgresql+asyncpg://u:p@[::1]:5432/db",
    ],
)
def test_addresses_may_be_of_every_usual_form(url: str) -> None:
    """Several hosts, sockets, SQLAlchemy's driver names."""
    assert url == PostgreSQLProbe(url=url).url


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RedisProbe(url="redis://h", client=object()), "give one of them"),
        (lambda: SQLAlchemyProbe(engine=1, client=2), "both are the engine"),
        (lambda: KafkaProbe(bootstrap_servers=[]), "give one server or more"),
        (lambda: KafkaProbe(bootstrap_servers="a:1,"), "give one server or more"),
        (lambda: KafkaProbe(bootstrap_servers="a:port"), "cannot be read"),
        (lambda: TCPProbe("", 1), "give a host and a number"),
        (lambda: TCPProbe("h", 70_000), "from 1 to 65535"),
        (lambda: TCPProbe("h", "80"), "give a host and a number"),  # type: ignore[arg-type]
        (lambda: HTTPProbe(client=object()), "needs url=…"),
        (lambda: HTTPProbe(url="https://h", method="POST"), "GET or HEAD"),
        (RedisStorage, "give one of them"),
        (lambda: RedisStorage("http://h"), "begins with redis://"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    make: Any, message: str
) -> None:
    """With what to write instead."""
    assert message in problem(make)


EXTRAS: list[tuple[Any, str, str]] = [
    (lambda: PostgreSQLProbe(url="postgresql://h/db"), "asyncpg", "postgres"),
    (lambda: MySQLProbe(url="mysql://h/db"), "aiomysql", "mysql"),
    (lambda: SQLAlchemyProbe(url="sqlite://"), "sqlalchemy", "sqlalchemy"),
    (lambda: RedisProbe(url="redis://h"), "redis.asyncio", "redis"),
    (MemcachedProbe, "aiomcache", "memcached"),
    (lambda: RabbitMQProbe(url="amqp://h"), "aio_pika", "rabbitmq"),
    (lambda: KafkaProbe("h:9092"), "aiokafka.admin", "kafka"),
    (lambda: MongoProbe(url="mongodb://h"), "pymongo", "mongo"),
    (lambda: CeleryProbe(object()), "celery", "celery"),
    (lambda: HTTPProbe(url="https://h"), "httpx", "http"),
    (lambda: RedisStorage("redis://h"), "redis.asyncio", "redis"),
]


@pytest.mark.parametrize(
    ("make", "module", "extra"), EXTRAS, ids=[f"{row[2]}-{row[1]}" for row in EXTRAS]
)
def test_a_missing_extra_comes_with_its_install_command(
    make: Any, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the probe is created, as an ImportError too."""
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError) as caught:
        make()

    assert f"pip install 'steadfastapi[{extra}]'" in str(caught.value)
    assert isinstance(caught.value, ImportError)


@pytest.mark.parametrize(
    "make",
    [
        lambda: PostgreSQLProbe("primary"),
        lambda: PostgreSQLProbe("primary", client=object()),
        lambda: RedisProbe(name="primary"),
        lambda: HTTPProbe(name="primary"),
        lambda: SMTPProbe(name="primary"),
        lambda: MongoProbe(name="primary"),
    ],
)
def test_without_an_address_no_driver_is_needed(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Passive probes, and the application's own clients."""
    for _, module, _ in EXTRAS:
        monkeypatch.setitem(sys.modules, module, None)

    assert "primary" == make().name


def test_every_name_that_is_exported_is_there() -> None:
    """Those of fastapi-watch too, in both places that it has them."""
    from steadfastapi.health import probes

    assert len(set(health.__all__)) == len(health.__all__)
    for name in health.__all__:
        assert getattr(health, name) is not None
    for name in (
        "BaseProbe",
        "CeleryProbe",
        "EventLoopProbe",
        "FastAPIRouteProbe",
        "HttpProbe",
        "KafkaProbe",
        "MemcachedProbe",
        "MongoProbe",
        "MySQLProbe",
        "NoOpProbe",
        "PassiveProbe",
        "PostgreSQLProbe",
        "RabbitMQProbe",
        "RedisProbe",
        "SMTPProbe",
        "SqlAlchemyProbe",
        "TCPProbe",
        "ThresholdProbe",
    ):
        assert issubclass(getattr(probes, name), BaseProbe)
    with pytest.raises(AttributeError):
        _ = probes.Health
    with pytest.raises(AttributeError):
        _ = health.nothing
    assert set(health.__all__) <= set(dir(health))
    assert "RedisProbe" in dir(probes)

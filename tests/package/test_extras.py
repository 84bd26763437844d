"""Each extra by itself: it installs, and what needs it works."""

from __future__ import annotations

import sys
import tomllib
from typing import TYPE_CHECKING

import pytest

from support.package_wheel import INSTALLING, ROOT, Environment, uv

if TYPE_CHECKING:
    from pathlib import Path

PROBE = "from steadfastapi.health import {0}; {0}(url='{1}')"
USES = {
    "all": "import celery, aiokafka, pymongo, joserfc, aio_pika, yaml",
    "celery": "import celery; from steadfastapi.health import CeleryProbe; "
    "CeleryProbe(celery.Celery())",
    "demo": "import importlib.util; from steadfastapi.cli import demo; "
    "assert importlib.util.find_spec('aiosqlite')",
    "http": PROBE.format("HTTPProbe", "http://h/"),
    "kafka": "from steadfastapi.health import KafkaProbe; KafkaProbe('h:9092')",
    "memcached": PROBE.format("MemcachedProbe", "memcached://h"),
    "mongo": PROBE.format("MongoProbe", "mongodb://h"),
    "mysql": PROBE.format("MySQLProbe", "mysql://h/d"),
    "oidc": "import httpx, joserfc; from steadfastapi.console.oidc import provider",
    "postgres": PROBE.format("PostgreSQLProbe", "postgresql://h/d"),
    "rabbitmq": PROBE.format("RabbitMQProbe", "amqp://h"),
    "redis": PROBE.format("RedisProbe", "redis://h")
    + "; from steadfastapi import Limits; Limits(storage='redis://h')",
    "server": "from steadfastapi.cli import server; import uvloop, httptools",
    "slo": "import yaml; from steadfastapi.slo import spec",
    "sqlalchemy": "from sqlalchemy.ext.asyncio import create_async_engine",
}
"""What is imported, and made, with the extra alone."""


def declared() -> set[str]:
    """Return the extras of the project."""
    metadata = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return set(metadata["project"]["optional-dependencies"])


def test_every_extra_is_tried() -> None:
    """A new extra needs a line here."""
    assert set(USES) == declared()


@pytest.mark.proof
@pytest.mark.timeout(INSTALLING)
@pytest.mark.parametrize("extra", sorted(USES))
def test_an_extra_alone_is_enough(wheel: Path, place: Path, extra: str) -> None:
    """It installs beside nothing else, what needs it starts, and so does the rest."""
    uv("venv", "-q", "-p", sys.executable, place / "env")
    environment = Environment(place / "env")
    environment.install(f"{wheel}[{extra}]")
    done = environment.run(place, "-c", f"{USES[extra]}; import main")

    assert 0 == done.returncode, done.stderr

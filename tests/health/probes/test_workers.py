"""Celery workers that answer, or do not."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from steadfastapi.exceptions import ConfigurationError
from steadfastapi.health import CeleryProbe
from steadfastapi.health.check import Check, Rules
from steadfastapi.health.group import member_of
from support.faults import refused_port
from support.redis import OwnRedis
from support.services import find_rabbitmq, require

require("the package celery", find_spec("celery"))
celery: Any = import_module("celery")
pytestmark = pytest.mark.anyio
TESTS = Path(__file__).parents[2]


@pytest.fixture
def broker() -> Iterator[OwnRedis]:
    """A broker of the test's own."""
    with OwnRedis() as started:
        yield started


def app_at(url: str) -> Any:
    """Return a Celery application."""
    return celery.Celery("jobs", broker=url)


async def verdict(probe: CeleryProbe) -> tuple[str, str | None]:
    """Return status and error of one check."""
    check = Check(member_of(probe, critical=True), Rules(timeout=3.0), lambda *_: None)
    flight = check.begin()
    assert flight is not None
    await asyncio.wait({flight})
    assert check.latest is not None
    return check.latest.status.value, check.latest.error


@contextmanager
def worker(broker: str) -> Iterator[None]:
    """Run a worker in a process of its own; one in this process leaves sockets open."""
    options = ["worker", "--pool=solo", "--loglevel=ERROR", "--without-mingle"]
    process = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "apps.celery_worker", *options],
        cwd=TESTS,
        env={**os.environ, "BROKER": broker, "C_FORCE_ROOT": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.kill()
        process.wait(10)


async def answers_at(broker: str) -> tuple[Any, Any]:
    """Return what probes for one and for two workers say, once there is one."""
    app = app_at(broker)
    with worker(broker):
        ends = time.monotonic() + 40
        enough = await verdict(CeleryProbe(app))
        while enough[0] != "healthy" and time.monotonic() < ends:
            enough = await verdict(CeleryProbe(app))  # which waits for an answer
        short = await verdict(CeleryProbe(app, min_workers=2))
    return enough, short


async def test_workers_are_counted(broker: OwnRedis) -> None:
    """One answers; two do not."""
    enough, short = await answers_at(broker.url)

    assert ("healthy", None) == enough
    assert ("unhealthy", "1 of at least 2 workers answered") == short


@pytest.mark.soak
async def test_workers_are_counted_through_rabbitmq() -> None:
    """The other usual broker."""
    host, port = require("RabbitMQ", find_rabbitmq())
    enough, _ = await answers_at(f"amqp://guest:guest@{host}:{port}//")

    assert ("healthy", None) == enough


async def test_without_workers_or_without_a_broker_it_is_unhealthy(
    broker: OwnRedis,
) -> None:
    """And soft by default: requests can be served all the same."""
    nobody = await verdict(CeleryProbe(app_at(broker.url)))
    with refused_port() as port:
        refused = await verdict(CeleryProbe(app_at(f"redis://127.0.0.1:{port}")))

    assert ("unhealthy", "0 of at least 1 workers answered") == nobody
    assert "unhealthy" == refused[0]
    assert not CeleryProbe.critical_by_default


def test_an_object_that_is_no_application_is_refused() -> None:
    """And so is a number that makes no sense."""
    for app, workers in ((object(), 1), (app_at("redis://h"), -1)):
        with pytest.raises(ConfigurationError, match="the Celery application"):
            CeleryProbe(app, min_workers=workers)

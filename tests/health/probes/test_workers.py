"""Celery workers that answer, or do not."""

import asyncio
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from steadfastapi.exceptions import ConfigurationError
from steadfastapi.health import CeleryProbe
from steadfastapi.health.check import Check, Rules
from steadfastapi.health.group import member_of
from support.faults import refused_port
from support.redis import OwnRedis

celery: Any = pytest.importorskip("celery")
pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _logging_of_the_process() -> Iterator[None]:
    """Give back what a worker takes over: the root logger, and warnings."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)


@pytest.fixture
def broker() -> Iterator[OwnRedis]:
    """A broker of the test's own."""
    with OwnRedis() as started:
        yield started


def app_at(url: str) -> Any:
    """Return a Celery application."""
    return celery.Celery("jobs", broker=url, backend="cache+memory://")


async def verdict(probe: CeleryProbe) -> tuple[str, str | None]:
    """Return status and error of one check."""
    check = Check(member_of(probe, critical=True), Rules(timeout=3.0), lambda *_: None)
    flight = check.begin()
    assert flight is not None
    await asyncio.wait({flight})
    assert check.latest is not None
    return check.latest.status.value, check.latest.error


@pytest.mark.filterwarnings("ignore")
async def test_workers_are_counted(broker: OwnRedis) -> None:
    """One answers; two do not."""
    from celery.contrib.testing.worker import start_worker

    app = app_at(broker.url)
    assert threading.active_count()
    with start_worker(app, perform_ping_check=False, pool="solo"):
        enough = await verdict(CeleryProbe(app))
        short = await verdict(CeleryProbe(app, min_workers=2))

    assert ("healthy", None) == enough
    assert ("unhealthy", "1 of at least 2 workers answered") == short


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

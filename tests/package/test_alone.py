"""The wheel alone: no extra, no sources, an empty folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.package_wheel import INSTALLING

if TYPE_CHECKING:
    from pathlib import Path

    from support.package_wheel import Environment

pytestmark = [pytest.mark.proof, pytest.mark.timeout(INSTALLING)]

EVERY_NAME = """
import steadfastapi, steadfastapi.health, steadfastapi.testing
for module in (steadfastapi, steadfastapi.health):
    for name in module.__all__:
        assert getattr(module, name) is not None, name
print(len(steadfastapi.__all__), steadfastapi.__file__)
"""

PROBE = "from steadfastapi.health import {0}; {0}(url='{1}')"
MISSING = {
    "celery": "from steadfastapi.health import CeleryProbe; CeleryProbe(object())",
    "http": PROBE.format("HTTPProbe", "http://h/"),
    "memcached": PROBE.format("MemcachedProbe", "memcached://h"),
    "mongo": PROBE.format("MongoProbe", "mongodb://h"),
    "mysql": PROBE.format("MySQLProbe", "mysql://h/d"),
    "postgres": PROBE.format("PostgreSQLProbe", "postgresql://h/d"),
    "rabbitmq": PROBE.format("RabbitMQProbe", "amqp://h"),
    "redis": PROBE.format("RedisProbe", "redis://h"),
}
"""What is written without the extra."""


def test_every_exported_name_is_there(alone: Environment, place: Path) -> None:
    """No name needs an extra, a test or a file that only the sources have."""
    done = alone.run(place, "-W", "error", "-c", EVERY_NAME)

    assert "" == done.stderr
    count, where = done.stdout.split()
    assert 40 < int(count)
    assert where.startswith(str(alone.folder))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--help",), "Make a FastAPI application production ready"),
        (("version",), "steadfastapi 0."),
        (("plan", "main:app"), "alone 0.1.0"),
        (("rules", "main:app", "--out", "rules"), "rules"),
        (("dashboards", "--out", "boards"), "steadfastapi-oncall.json"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_the_command_line_works(
    alone: Environment, place: Path, arguments: tuple[str, ...], told: str
) -> None:
    """Each command that needs no server and no data."""
    done = alone.command(place, *arguments)

    assert 0 == done.returncode, done.stderr
    assert "Traceback" not in done.stderr
    assert told in done.stdout


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [(("run", "main:app"), "server"), (("demo",), "demo")],
    ids=["run", "demo"],
)
def test_a_command_says_what_to_install(
    alone: Environment, place: Path, arguments: tuple[str, ...], extra: str
) -> None:
    """In one sentence instead of a traceback."""
    done = alone.command(place, *arguments)

    assert 2 == done.returncode
    assert f"pip install 'steadfastapi[{extra}]'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("extra", sorted(MISSING))
def test_a_name_says_what_to_install(
    alone: Environment, place: Path, extra: str
) -> None:
    """Where it is used, by an error that is an ImportError as well."""
    catching = (
        f"try:\n    {MISSING[extra]}\nexcept ImportError as error:\n    print(error)"
    )
    done = alone.run(place, "-c", catching)

    assert f"pip install 'steadfastapi[{extra}]'" in done.stdout


@pytest.mark.parametrize(
    ("variable", "value", "extra"),
    [
        ("REDIS_URL", "redis://127.0.0.1:1", "redis"),
        ("STEADFAST_INBOX_URL", "postgresql://127.0.0.1/x", "postgres"),
        ("STEADFAST_INBOX_URL", "redis://127.0.0.1:1", "redis"),
        ("STEADFAST_SLO_FILE", "slo.yml", "slo"),
    ],
)
def test_a_setting_says_what_to_install(
    alone: Environment, place: Path, variable: str, value: str, extra: str
) -> None:
    """When the application is configured, not when the first request fails."""
    (place / "slo.yml").write_text("slos: []\n")
    done = alone.run(place, "-c", "import main", **{variable: value})

    assert 1 == done.returncode
    assert f"pip install 'steadfastapi[{extra}]'" in done.stderr.splitlines()[-1]

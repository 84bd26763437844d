"""The examples for Kubernetes, Docker Compose and systemd: they parse and agree."""

import configparser
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi import FastAPI

from steadfastapi._lifespan import SHUTDOWN_DEADLINE
from steadfastapi.cli import run
from support.health import ask, with_health

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "kubernetes.md"
NEEDED = run.DRAIN + run.GRACE + SHUTDOWN_DEADLINE
"""Seconds from SIGTERM to the end, at most."""


def blocks(language: str) -> list[str]:
    """Return the page's blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.fixture(scope="module")
def pod() -> Any:
    """What the Deployment makes."""
    return yaml.safe_load(blocks("yaml")[0])["spec"]["template"]["spec"]


@pytest.fixture(scope="module")
def service() -> Any:
    """What Compose runs."""
    return yaml.safe_load(blocks("yaml")[1])["services"]["shop"]


@pytest.fixture(scope="module")
def unit() -> configparser.ConfigParser:
    """What systemd runs."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(blocks("ini")[0])
    return parser


@pytest.mark.anyio
async def test_every_page_that_is_named_answers(pod: Any) -> None:
    """Each probe asks for its own, and a pod that is well passes all three."""
    app, _ = with_health(app=FastAPI())
    (container,) = pod["containers"]
    asked = {
        name: container[name]["httpGet"]["path"]
        for name in ("startupProbe", "livenessProbe", "readinessProbe")
    }
    named = set(re.findall(r"/health/[a-z]+", PAGE.read_text())) - {"/health/drain"}
    codes = {path: (await ask(app, path)).status for path in named}

    assert {
        "startupProbe": "/health/startup",
        "livenessProbe": "/health/live",
        "readinessProbe": "/health/ready",
    } == asked
    assert {200} == set(codes.values())


def test_nobody_kills_before_the_end(
    pod: Any, service: Any, unit: configparser.ConfigParser
) -> None:
    """The grace periods hold drain, open requests and flush; preStop counts too."""
    (container,) = pod["containers"]
    before = container["lifecycle"]["preStop"]["sleep"]["seconds"]

    assert NEEDED <= 25
    assert before + NEEDED < pod["terminationGracePeriodSeconds"]
    assert NEEDED < int(service["stop_grace_period"].removesuffix("s"))
    assert NEEDED < unit.getint("Service", "TimeoutStopSec")


def test_everybody_starts_the_same_command(
    pod: Any, service: Any, unit: configparser.ConfigParser
) -> None:
    """`steadfastapi run`, with options that it has."""
    (container,) = pod["containers"]
    commands = [
        container["command"],
        service["command"],
        unit["Service"]["ExecStart"].split(),
    ]
    known = {f"--{name.replace('_', '-')}" for name in run.run.__annotations__}
    used = {word for command in commands for word in command if word.startswith("--")}

    assert {"run"} == {command[1] for command in commands}
    assert used <= known

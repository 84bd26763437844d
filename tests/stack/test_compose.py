"""The compose file: what can be known of it without a container engine."""

import re
import shutil
import subprocess
from typing import Any

import pytest
from fastapi import FastAPI

from steadfastapi import configure
from steadfastapi._lifespan import SHUTDOWN_DEADLINE
from steadfastapi.cli.run import DRAIN, GRACE
from support.services import require
from support.stack import COMPOSE, ROOT, mounts, parsed, services

QUICK = "quick"
BUILT = "steadfastapi-shop:local"
DISTROLESS = {"loki": "/usr/bin/loki", "tempo": "/tempo"}
"""Services whose image has neither shell nor wget, and their binary."""
WITHOUT_CHECK = {
    "otelcol": "built from scratch, without a health command",
    "lgtm": "the image has nothing to ask with (lgtm#1104)",
}
NAMES = sorted(services())


def test_docker_compose_accepts_the_file() -> None:
    """By the old docker-compose 1.29 as well, in both profiles (DASHBOARDS.md 5, 9)."""
    binary = require("docker-compose", shutil.which("docker-compose"))
    command = [binary, "--profile", QUICK, "--file", str(COMPOSE), "config", "--quiet"]
    found = subprocess.run(command, capture_output=True, check=False, text=True)
    assert 0 == found.returncode, found.stderr


def test_the_stack_has_what_the_issue_names() -> None:
    """And the quick profile is two of the same kind with one image beside them."""
    usual = {
        name for name in NAMES if QUICK not in services()[name].get("profiles", ())
    }
    assert usual == {
        "alertmanager",
        "api",
        "grafana",
        "load",
        "loki",
        "otelcol",
        "postgres",
        "prometheus",
        "redis",
        "tempo",
        "webhook",
    }
    assert {"lgtm", "quick", "quick-load"} == set(NAMES) - usual


def test_keys_that_docker_compose_1_29_refuses_are_absent() -> None:
    """Nor is there a `version`, which newer ones complain about."""
    assert {"services", "volumes", "x-shop", "x-shop-settings", "x-load-check"} == set(
        parsed(COMPOSE)
    )


@pytest.mark.parametrize("name", NAMES)
def test_images_are_pinned(name: str) -> None:
    """To a version, not to `latest` or to a branch."""
    image = services()[name]["image"]
    if image == BUILT:
        assert {"context": ".", "dockerfile": "examples/shop/Dockerfile"} == (
            services()[name]["build"]
        )
    else:
        assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+(\.\d+)?(-alpine)?", image)


@pytest.mark.parametrize("name", NAMES)
def test_ports_are_open_to_this_machine_only(name: str) -> None:
    """Grafana asks nobody for a password."""
    ports = services()[name].get("ports", [])
    assert ports == [port for port in ports if port.startswith("127.0.0.1:")]


@pytest.mark.parametrize("quick", [False, True])
def test_no_two_services_want_the_same_port(quick: bool) -> None:
    """In each of the two ways to start it."""
    chosen = [
        service for service in services().values() if (QUICK in str(service)) is quick
    ]
    ports = [port.split(":")[1] for one in chosen for port in one.get("ports", [])]
    assert sorted(set(ports)) == sorted(ports)


@pytest.mark.parametrize("name", NAMES)
def test_health_checks_can_pass(name: str) -> None:
    """By what the image has: no shell form, no wget where there is none."""
    service = services()[name]
    check: Any = service.get("healthcheck")
    if name in WITHOUT_CHECK or name in ("api", QUICK):  # the latter by their image
        assert check is None
        return
    test = check["test"]
    assert "CMD" == test[0]
    if name in DISTROLESS:
        assert [DISTROLESS[name], "-health"] == test[1:]
    assert int(check["timeout"][:-1]) < int(check["interval"][:-1])
    assert "-distroless" not in service["image"]


def test_nobody_waits_for_a_check_that_is_not_there() -> None:
    """`service_healthy` needs one; without, `docker compose up` waits for ever."""
    waits = [
        (name, other)
        for name, service in services().items()
        for other, how in service.get("depends_on", {}).items()
        if how["condition"] == "service_healthy"
    ]
    assert [] == [pair for pair in waits if pair[1] in WITHOUT_CHECK]
    assert set(NAMES) >= {other for _, other in waits}


@pytest.mark.parametrize("name", NAMES)
def test_what_is_mounted_exists(name: str) -> None:
    """A path that does not, Docker would create as an empty directory."""
    missing = [
        here for here in mounts(services()[name]).values() if not (ROOT / here).exists()
    ]
    assert [] == missing
    assert all(
        volume.endswith(":ro")
        for volume in services()[name].get("volumes", [])
        if volume.startswith("./")
    )


def test_data_lives_in_named_volumes() -> None:
    """Each declared one is used, and each used one declared."""
    used = {
        volume.split(":")[0]
        for service in services().values()
        for volume in service.get("volumes", [])
        if not volume.startswith("./")
    }
    assert used == set(parsed(COMPOSE)["volumes"])


def hosts(value: Any) -> set[str]:
    """Return the names of hosts that a setting holds, with their ports."""
    if isinstance(value, dict):
        return set().union(*(hosts(item) for item in value.values()), set())
    if isinstance(value, list):
        return set().union(*(hosts(item) for item in value), set())
    return set(re.findall(r"(?:^|//|@)([a-z][\w-]*):(?:\d+)", str(value)))


@pytest.mark.parametrize("name", NAMES)
def test_every_host_is_a_service(name: str) -> None:
    """In its environment, its command, and the configuration files that it mounts."""
    service = services()[name]
    named = hosts([service.get("environment", {}), service.get("command", [])])
    for target, here in mounts(service).items():
        path = ROOT / here
        files = (
            [path] if path.is_file() else [*path.glob("*.yml"), *path.glob("*/*.yml")]
        )
        if name != "lgtm" or "prometheus" in target:
            named |= set().union(*(hosts(parsed(file)) for file in files), set())
    assert set() == named - set(NAMES) - {"shop"}  # `shop:` is a user of PostgreSQL


def test_every_service_of_ours_is_confined() -> None:
    """Read-only, without capabilities, and told to stop in time."""
    ours = [one for one in services().values() if one["image"] == BUILT]
    assert len(ours) == 5
    for service in ours:
        assert service["read_only"]
        assert ["ALL"] == service["cap_drop"]
        assert ["no-new-privileges:true"] == service["security_opt"]
        assert (
            int(service["stop_grace_period"][:-1]) > DRAIN + GRACE + SHUTDOWN_DEADLINE
        )


@pytest.mark.parametrize("name", ["api", QUICK])
def test_settings_of_ours_exist(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `STEADFAST_…` variable that no layer reads stops the application."""
    for variable, value in services()[name]["environment"].items():
        if variable.startswith("STEADFAST_"):
            monkeypatch.setenv(variable, value)
    configure(FastAPI())


def test_service_name_and_job_agree() -> None:
    """Or no log and no trace is found for a graph (DASHBOARDS.md 2)."""
    name = services()["api"]["environment"]["OTEL_SERVICE_NAME"]
    for path in ("prometheus/prometheus.yml", "deploy/quick/prometheus.yml"):
        jobs = [job["job_name"] for job in parsed(ROOT / path)["scrape_configs"]]
        assert name in jobs

"""The files of the local stack, parsed."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
DOCKERFILE = ROOT / "examples" / "shop" / "Dockerfile"
DATASOURCES = ROOT / "grafana" / "provisioning" / "datasources" / "steadfastapi.yml"
DASHBOARDS = sorted((ROOT / "grafana" / "dashboards" / "default").glob("*.json"))
KUBERNETES = ROOT / "examples" / "kubernetes"


@cache
def parsed(path: Path) -> Any:
    """Return the content of a YAML or JSON file."""
    text = path.read_text("utf-8")
    return json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)


def services() -> dict[str, dict[str, Any]]:
    """Return the services of the compose file, anchors merged."""
    found: dict[str, dict[str, Any]] = parsed(COMPOSE)["services"]
    return found


def mounts(service: dict[str, Any]) -> dict[str, str]:
    """Return the files that a service gets: path in the container → path here."""
    pairs = (volume.split(":") for volume in service.get("volumes", ()))
    return {pair[1]: pair[0] for pair in pairs if pair[0].startswith("./")}


@cache
def instructions() -> list[tuple[str, str]]:
    """Return the instructions of the Dockerfile, continued lines joined."""
    text = "\n".join(
        line
        for line in DOCKERFILE.read_text("utf-8").splitlines()
        if not line.lstrip().startswith("#")
    ).replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in lines]


def health_command() -> list[str]:
    """Return what the image's health check runs."""
    (check,) = (rest for name, rest in instructions() if name == "HEALTHCHECK")
    command: list[str] = json.loads(check[check.index("CMD") + 3 :])
    return command

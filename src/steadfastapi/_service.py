"""What is being served: name, version, environment, and how many workers serve it."""

from __future__ import annotations

import os
import re
import shlex
import sys
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from fastapi import FastAPI

DEVELOPMENT = "development"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The identity that logs, metrics, spans and Sentry events share.

    Args:
        name: `service.name` of OpenTelemetry and the Prometheus job.
        version: What is deployed; Sentry's release is `name@version`.
        environment: `development`, or anything else, which counts as production.
        revision: The commit, where the build tells it.
    """

    name: str
    version: str = "0"
    environment: str = DEVELOPMENT
    revision: str = ""

    @property
    def production(self) -> bool:
        """Whether this is anything but a developer's machine."""
        return self.environment != DEVELOPMENT

    @property
    def release(self) -> str:
        """Sentry's release name."""
        return f"{self.name}@{self.version}"

    @classmethod
    def of(cls, app: FastAPI, name: str | None = None) -> Service:
        """Describe `app`.

        An explicit name wins over `OTEL_SERVICE_NAME`, that over
        `OTEL_RESOURCE_ATTRIBUTES`, and that over what the application says.
        """
        title = re.sub(r"[^a-z0-9]+", "-", app.title.lower()).strip("-")
        said = _resource_attributes()
        return cls(
            name=name
            or os.environ.get("OTEL_SERVICE_NAME")
            or said.get("service.name")
            or title
            or "fastapi",
            version=said.get("service.version") or app.version,
            environment=os.environ.get("ENVIRONMENT")
            or said.get("deployment.environment.name")
            or said.get("deployment.environment")
            or DEVELOPMENT,
            revision=os.environ.get("GIT_COMMIT") or os.environ.get("REVISION") or "",
        )


def _resource_attributes() -> dict[str, str]:
    """Return what `OTEL_RESOURCE_ATTRIBUTES` says, as OpenTelemetry writes it."""
    pairs = (
        part.partition("=")
        for part in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(",")
    )
    return {name.strip(): unquote(value.strip()) for name, _, value in pairs if value}


def worker_count() -> int | None:
    """Return how many worker processes the server was asked for, if that shows.

    Read from the server's own command line (`--workers 4`, `-w 4`, `-w4`), of this
    process or, in a worker that uvicorn spawned, of its parent; from
    `GUNICORN_CMD_ARGS`; and from `WEB_CONCURRENCY`. A number in code, as in
    `uvicorn.run(workers=4)` or gunicorn's configuration file, does not show.
    """
    try:
        gunicorn = shlex.split(os.environ.get("GUNICORN_CMD_ARGS", ""))
    except ValueError:  # gunicorn itself says what is wrong with it
        gunicorn = []
    for arguments in (sys.argv, _parent_arguments(), gunicorn):
        count = _workers_of(arguments)
        if count is not None:
            return count
    declared = os.environ.get("WEB_CONCURRENCY", "")
    return int(declared) if declared.isdecimal() else None


def _workers_of(arguments: list[str]) -> int | None:
    for position, argument in enumerate(arguments):
        name, mark, value = argument.partition("=")
        if name.startswith("-w") and name[2:].isdecimal():
            return int(name[2:])
        if name not in ("--workers", "-w"):
            continue
        if not mark:
            value = arguments[position + 1] if position + 1 < len(arguments) else ""
        if value.isdecimal():
            return int(value)
    return None


def _parent_arguments() -> list[str]:
    try:
        with open(f"/proc/{os.getppid()}/cmdline", "rb") as file:  # noqa: PTH123
            line = file.read()
    except OSError:
        return []
    arguments = [part.decode("utf-8", "replace") for part in line.split(b"\0")]
    servers = ("uvicorn", "gunicorn", "hypercorn", "granian", "fastapi")
    named = any(server in part for part in arguments for server in servers)
    return arguments if named else []


def package_version(package: str) -> str:
    """Return the installed version of a package, or `unknown`."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown"

"""What this machine offers to tests that need more than Python."""

import os
import shutil
import socket
from pathlib import Path
from typing import TypeVar

import pytest

REQUIRE = "STEADFAST_REQUIRE_SERVICES"
POSTGRES = ("127.0.0.1", 5432)
REDIS = ("127.0.0.1", 6379)
MYSQL = ("127.0.0.1", 3306)
RABBITMQ = ("127.0.0.1", 5672)
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")

Found = TypeVar("Found")


def require(name: str, ok: Found | None) -> Found:
    """Skip the test, or the module, that needs a service this machine lacks.

    Args:
        name: The service, for the report.
        ok: A finder's result, or whether the service is there.

    Returns:
        The same result, known to be present.
    """
    if ok:
        return ok
    if os.environ.get(REQUIRE) == "1":
        pytest.fail(f"{name} is missing, and {REQUIRE}=1 demands it", pytrace=False)
    pytest.skip(f"needs {name}", allow_module_level=True)


def find_postgres() -> tuple[str, int] | None:
    """Return the address of a PostgreSQL server on its usual port."""
    return _listening(POSTGRES)


def find_redis() -> tuple[str, int] | None:
    """Return the address of a Redis server on its usual port."""
    return _listening(REDIS)


def find_mysql() -> tuple[str, int] | None:
    """Return the address of a MySQL or MariaDB server on its usual port."""
    return _listening(MYSQL)


def find_rabbitmq() -> tuple[str, int] | None:
    """Return the address of a RabbitMQ broker on its usual port."""
    return _listening(RABBITMQ)


def find_node() -> str | None:
    """Return the path of Node.js."""
    return shutil.which("node")


def find_prometheus() -> str | None:
    """Return the path of the Prometheus server."""
    return shutil.which("prometheus")


def find_promtool() -> str | None:
    """Return the path of Prometheus' rule checker."""
    return shutil.which("promtool")


def find_chromium() -> str | None:
    """Return the path of Chromium, Chrome or a browser that Playwright fetched."""
    for name in CHROMIUM_NAMES:
        if path := shutil.which(name):
            return path
    for name in ("chrome", "headless_shell", "chrome-headless-shell"):
        # Where Playwright keeps its browsers.
        pattern = f".cache/ms-playwright/chromium*-*/chrome-*/{name}"
        if found := sorted(Path.home().glob(pattern)):
            return str(found[-1])
    return None


def _listening(address: tuple[str, int]) -> tuple[str, int] | None:
    try:
        with socket.create_connection(address, timeout=1.0):
            return address
    except OSError:
        return None

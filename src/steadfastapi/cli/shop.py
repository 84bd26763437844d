"""The shop that the demo runs: where it is, what it needs, and how it is set up."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

PACKAGES = ("aiosqlite", "greenlet", "httpx", "sqlalchemy", "uvicorn")
"""What `steadfastapi[demo]` installs; greenlet is SQLAlchemy's extra `asyncio`."""

DECIDED = (
    "DATABASE_URL",
    "ENVIRONMENT",
    "FORWARDED_ALLOW_IPS",
    "LOG_LEVEL",
    "PROMETHEUS_MULTIPROC_DIR",
    "REDIS_URL",
    "SHOP_",
    "STEADFAST_",
    "UVICORN_",
    "WEB_CONCURRENCY",
)
"""Variables, by their beginning, that the demo decides: it must not write to a
database that happens to be configured, nor miss log lines that it counts."""

TELEMETRY = ("OTEL_", "SENTRY_")
"""Variables that would send the demo's crashes and traces to a real system."""

ADDRESSES = (
    "SENTRY_DSN",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
)


def missing_packages() -> list[str]:
    """Return the packages of the demo that are not installed."""
    return [name for name in PACKAGES if find_spec(name) is None]


def shop_folder() -> Path | None:
    """Return the directory that holds the package `shop`, if there is one.

    In an installed wheel it is inside of the package, in a checkout beside it.
    """
    package = Path(__file__).parents[1]
    for folder in (package / "_examples", package.parents[1] / "examples"):
        if (folder / "shop" / "main.py").is_file():
            return folder
    return None


def environment(
    inherited: Mapping[str, str], folder: Path, *, token: str, telemetry: bool
) -> dict[str, str]:
    """Return the environment of the shop's process.

    Args:
        inherited: The environment of this process.
        folder: Where the shop keeps its data.
        token: Opens `/admin`.
        telemetry: Whether the addresses of Sentry and OTLP are passed on.
    """
    dropped = DECIDED if telemetry else DECIDED + TELEMETRY
    kept = {
        name: value for name, value in inherited.items() if not name.startswith(dropped)
    }
    if "PYTHONPATH" in kept:  # the shop works in another directory
        parts = kept["PYTHONPATH"].split(os.pathsep)
        kept["PYTHONPATH"] = os.pathsep.join(
            str(Path(part).resolve()) for part in parts
        )
    own = {
        "SHOP_DATA_DIR": str(folder / "data"),
        "SHOP_ADMIN_TOKEN": token,
        # So that an outage shows, and is over, within seconds.
        "STEADFAST_HEALTH_CHECK_EVERY": "0.25",
        # The demo stands for the proxy through which all customers come.
        "STEADFAST_LIMITS_TRUSTED_PROXIES": "127.0.0.0/8,::1",
    }
    return kept | own


def ignored_addresses(inherited: Mapping[str, str]) -> list[str]:
    """Return the variables whose systems hear of the demo with `--telemetry` only."""
    return [name for name in ADDRESSES if inherited.get(name)]

"""How a process that is measured is started: alike for every composition."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOGFIRE = "logfire"
PLUGINS = "PYDANTIC_DISABLE_PLUGINS"

TOOL_VARIABLES = (
    "ENVIRONMENT",
    "FLARE_",
    "LOGFIRE_",
    "LOG_LEVEL",
    "OTEL_",
    "PROMETHEUS_MULTIPROC_DIR",
    PLUGINS,
    "PYTHONDONTWRITEBYTECODE",
    "REDIS_URL",
    "SENTRY_",
    "STEADFAST_",
    "WEB_CONCURRENCY",
)
"""Settings of this machine that must not decide what is measured. Bytecode is kept, as
it is of every installed package: one start must not compile what another one loads."""


def environment(composition: str) -> dict[str, str]:
    """Return the variables of a process that measures a composition.

    It works in a folder of its own, because some compositions write files, and finds
    this package from there. Hashes are fixed, so that two starts do the same. Logfire
    is a plugin of pydantic, which would import it in every process on this machine.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(TOOL_VARIABLES)
    }
    plugins = {} if composition == LOGFIRE else {PLUGINS: "logfire-plugin"}
    return {**kept, **plugins, "PYTHONHASHSEED": "0", "PYTHONPATH": str(ROOT)}

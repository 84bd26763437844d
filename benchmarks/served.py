"""`python -m benchmarks.served NAME PORT WORKERS`: one composition under uvicorn.

Uvicorn's own access lines are off for all: those compositions that log a request write
a line of their own, and two would be charged to none of them.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import FastAPI

NAME = "BENCHMARKS_COMPOSITION"
BACKLOG = 2_048
HEALTH_SECONDS = 60
"""A worker that starts on a busy machine is not killed for being slow."""


def create() -> FastAPI:
    """Return the composition that the environment names; in each worker."""
    from benchmarks.compositions import COMPOSITIONS  # noqa: PLC0415

    composition = COMPOSITIONS[os.environ[NAME]]
    composition.hide_foreign()
    return composition.build(1)


def main(name: str, port: int, workers: int) -> None:
    """Serve until a signal comes."""
    import uvicorn  # noqa: PLC0415 - workers import this module, too

    os.environ[NAME] = name
    uvicorn.run(
        "benchmarks.served:create",
        factory=True,
        host="127.0.0.1",
        port=port,
        workers=workers,
        access_log=False,
        log_level="error",
        backlog=BACKLOG,
        timeout_worker_healthcheck=HEALTH_SECONDS,
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))

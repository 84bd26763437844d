"""What a readiness request and a watched call cost, beside fastapi-watch 1.8.

`python -m benchmarks.health` prints the figures as one line of JSON: `measure` runs it
in a process of its own, because `configure` sets up logging for the whole process.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING, Any

from benchmarks.budgets import Budget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import FastAPI
    from rich.table import Table

REQUESTS = 400
CALLS = 4_000
ROUNDS = 15
MICRO = 1e6
READY = "/health/ready"
KEY = "key"
OK = 200
FOLDER = Path(__file__).parents[1]

Work = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """µs of processor time: of a whole request, or of a call beyond a plain one."""

    what: str
    fastapi_watch: float
    steadfastapi: float

    @property
    def share(self) -> float:
        """Of fastapi-watch's time."""
        return self.steadfastapi / self.fastapi_watch


def measure() -> list[Compared]:
    """Return both comparisons, each the fastest of alternating rounds.

    Raises:
        RuntimeError: The process that measures failed.
    """
    env = {**os.environ, "ENVIRONMENT": "production", "PYTHONPATH": str(FOLDER)}
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.health"],
            cwd=folder,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        raise RuntimeError(f"benchmarks.health failed: {done.stderr[-500:]}")
    return [Compared(**row) for row in json.loads(done.stdout.splitlines()[-1])]


def budgets(compared: Sequence[Compared]) -> list[Budget]:
    """Return whether each takes no longer than fastapi-watch's."""
    return [
        Budget(what=one.what, measured=one.share, bound=1.0, unit="× fastapi-watch")
        for one in compared
    ]


def table(compared: Sequence[Compared]) -> Table:
    """Return what people read."""
    from rich.table import Table  # noqa: PLC0415 - measuring needs none

    shown = Table(title="Health checks", title_justify="left")
    shown.add_column("of")
    for name in ("fastapi-watch µs", "steadfastapi µs", "× fastapi-watch"):
        shown.add_column(name, justify="right", no_wrap=True)
    for one in compared:
        shown.add_row(
            one.what,
            f"{one.fastapi_watch:.1f}",
            f"{one.steadfastapi:.1f}",
            f"{one.share:.2f}",
        )
    return shown


EXPLAINED = (
    "µs of processor time, the fastest of alternating rounds; both answer with "
    "details. A watched call: beyond the undecorated function."
)


def main() -> None:
    """Measure in this process, and print."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    # Logs go to standard output, as in a container; nobody reads them.
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    answers.write(json.dumps(asyncio.run(_measure())) + "\n")


async def _measure() -> list[dict[str, Any]]:
    watch, ours = _by_fastapi_watch(), _by_steadfastapi()
    async with (
        watch.router.lifespan_context(watch),
        ours.router.lifespan_context(ours),
    ):
        await asyncio.sleep(0.5)  # the first checks are done
        requests = await _alternating([_request(watch), _request(ours)], REQUESTS)
    calls = await _alternating(_calls(), CALLS)
    plain = calls[0]
    return [
        {
            "what": f"GET {READY}",
            "fastapi_watch": requests[0],
            "steadfastapi": requests[1],
        },
        {
            "what": "a watched call",
            "fastapi_watch": calls[1] - plain,
            "steadfastapi": calls[2] - plain,
        },
    ]


def _by_fastapi_watch() -> FastAPI:
    from fastapi import FastAPI  # noqa: PLC0415 - in the process that measures

    watch = import_module("fastapi_watch")
    probes = import_module("fastapi_watch.probes")
    app = FastAPI(openapi_url=None)
    watch.HealthRegistry(app).add(probes.NoOpProbe("db"))
    return app


def _by_steadfastapi() -> FastAPI:
    from fastapi import FastAPI  # noqa: PLC0415

    from steadfastapi import Health, configure  # noqa: PLC0415
    from steadfastapi.health import NoOpProbe  # noqa: PLC0415

    app = FastAPI(openapi_url=None)
    # Whatever `configure` adds to a request is part of it.
    configure(app, health=Health(api_key=KEY)).health.add(NoOpProbe("db"))
    return app


def _request(app: FastAPI) -> Work:
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": READY,
        "raw_path": READY.encode(),
        "query_string": b"",
        "root_path": "",
        # With details, as fastapi-watch gives them to everybody.
        "headers": [(b"host", b"shop"), (b"x-api-key", KEY.encode())],
        "client": ("127.0.0.1", 40_000),
        "server": ("127.0.0.1", 8_000),
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if message.get("status", OK) != OK:
            raise RuntimeError(f"{READY} answered {message['status']}")

    async def ask() -> None:
        await app({**scope, "state": {}}, receive, send)

    return ask


def _calls() -> list[Work]:
    from steadfastapi.health import PassiveProbe  # noqa: PLC0415

    theirs = import_module("fastapi_watch").PassiveProbe("calls")

    async def work() -> int:
        return 1

    return [work, theirs.watch(work), PassiveProbe("calls").watch(work)]


async def _alternating(works: list[Work], times: int) -> list[float]:
    best = [float("inf")] * len(works)
    for _ in range(ROUNDS):
        for place, work in enumerate(works):
            gc.collect()
            started = process_time()
            for _ in range(times):
                await work()
            taken = (process_time() - started) / times * MICRO
            best[place] = min(best[place], taken)
    return best


if __name__ == "__main__":
    main()

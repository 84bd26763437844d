"""What an error costs the request that has it: the inbox beside fastapi-flare.

Both keep an unhandled exception with 30 frames in a SQLite file, and what is measured
is how long the request waits until they have taken it. fastapi-flare writes the file
within the request; the inbox notes what would be gone later, and its writer's thread
does the rest.
"""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

from benchmarks.budgets import Budget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

FRAMES = 30
ERRORS = 200
"""Of one round; their messages differ."""
ROUNDS = 5
MICRO = 1e6
BOUND = 60.0
"""µs on the request path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """µs that a request waits for one capture: the best round's median."""

    what: str
    steadfastapi: float
    flare: float | None
    """None where fastapi-flare is not installed."""


def measure() -> list[Capture]:
    """Return what an unhandled exception costs, in alternating rounds."""
    has_flare = find_spec("fastapi_flare") is not None
    ours, theirs = [], []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            ours.append(asyncio.run(_by_steadfastapi(Path(folder))))
        if has_flare:
            with tempfile.TemporaryDirectory() as folder:
                theirs.append(asyncio.run(_by_flare(Path(folder))))
    return [
        Capture(
            what=f"an unhandled exception with {FRAMES} frames",
            steadfastapi=min(ours),
            flare=min(theirs, default=None),
        )
    ]


def budgets(captures: Sequence[Capture]) -> list[Budget]:
    """Return how the bound of a capture was kept."""
    return [
        Budget(
            what=f"capture of {one.what}",
            measured=one.steadfastapi,
            bound=BOUND,
            unit="µs",
        )
        for one in captures
    ]


def table(captures: Sequence[Capture]) -> Table:
    """Return what people read."""
    from rich.table import Table  # noqa: PLC0415 - measuring needs none

    shown = Table(title="A captured error", title_justify="left")
    shown.add_column("of")
    for name in ("fastapi-flare µs", "steadfastapi µs", "× flare"):
        shown.add_column(name, justify="right", no_wrap=True)
    for one in captures:
        flare = "not installed" if one.flare is None else f"{one.flare:.0f}"
        share = "–" if one.flare is None else f"{one.steadfastapi / one.flare:.3f}"
        shown.add_row(one.what, flare, f"{one.steadfastapi:.0f}", share)
    return shown


EXPLAINED = (
    "µs that the request waits until the error is taken: median of "
    f"{ERRORS} errors in the best of {ROUNDS} alternating rounds, each into a new "
    "SQLite file. fastapi-flare: its handler of unhandled exceptions."
)


async def _by_steadfastapi(folder: Path) -> float:
    from fastapi import FastAPI  # noqa: PLC0415

    from steadfastapi import Inbox, capture_exception, configure  # noqa: PLC0415
    from steadfastapi._configure import DEFAULT_LAYERS  # noqa: PLC0415

    off: dict[str, Any] = dict.fromkeys(DEFAULT_LAYERS, False)
    inbox = Inbox(url=f"sqlite:///{folder / 'inbox.db'}")
    app = FastAPI()
    stack = configure(app, **off | {"inbox": inbox})
    waited: list[float] = []

    @app.post("/orders/{number}")
    async def order(number: int) -> None:
        error = _raised(number)
        started = perf_counter()
        taken = capture_exception(error)
        waited.append(perf_counter() - started)
        if taken is None:
            raise RuntimeError("the inbox has taken nothing")

    async with app.router.lifespan_context(app):
        for number in range(ERRORS):
            await _post(app, f"/orders/{number}")
        if not await asyncio.to_thread(stack.inbox.flush, 10):
            raise RuntimeError("the inbox has not written everything")
    return median(waited) * MICRO


async def _by_flare(folder: Path) -> float:
    from starlette.requests import Request  # noqa: PLC0415

    flare: Any = import_module("fastapi_flare")  # it has no types
    handlers: Any = import_module("fastapi_flare.handlers")
    storage: Any = import_module("fastapi_flare.storage")
    config = flare.FlareConfig(sqlite_path=str(folder / "flare.db"))
    config.storage_instance = storage.make_storage(config)
    handle = handlers.make_generic_exception_handler(config)
    await handle(Request(_scope("/orders/0")), _raised(0))  # opens the file
    waited: list[float] = []
    try:
        for number in range(ERRORS):
            request, error = Request(_scope(f"/orders/{number}")), _raised(number)
            started = perf_counter()
            await handle(request, error)
            waited.append(perf_counter() - started)
    finally:
        await config.storage_instance.close()
    return median(waited) * MICRO


def _raised(number: int) -> Exception:
    """Return an exception with a traceback of `FRAMES` frames."""

    def call(left: int) -> None:
        if left == 0:
            raise ValueError(f"order {number} cannot be paid")
        call(left - 1)

    try:
        call(FRAMES - 2)  # this function and the innermost one are frames, too
    except ValueError as error:
        return error
    raise AssertionError


def _scope(path: str) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"shop"), (b"user-agent", b"benchmark")],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 80),
        "state": {},
    }


async def _post(app: Any, path: str) -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_message: Any) -> None:
        pass

    await app(_scope(path), receive, send)

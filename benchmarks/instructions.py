"""Instructions per request, counted by Valgrind: a second opinion without noise.

What a machine does besides cannot change how many instructions a request takes, so two
runs agree within half a per cent where times differ by several. A composition is run
twice, with few and with many requests; the difference belongs to the requests alone,
neither to imports nor to configuration. All threads count.

Instructions are not time: they know nothing of caches and of waiting for memory. And
Valgrind is some thirty times slower than the processor, so whatever happens once a
second (checks, samples, exports) weighs some thirty times as much here: a composition
that does much in the background looks worse than it is, never better.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.compositions import BARE, COMPOSITIONS, USUAL, USUAL_SENTRY
from benchmarks.environment import environment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.table import Table

FEW, MANY = 200, 1_200
"""Requests of the two runs; the first ones warm caches and are in both."""
REFERENCES = re.compile(r"I\s+refs:\s+([\d,]+)")
THOUSAND = 1e3
TIMEOUT = 900.0
"""Seconds of one run, which takes some ten on an idle machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instructions:
    """Thousands of instructions of one request."""

    composition: str
    routes: int
    thousands: float
    added: float
    """Beyond bare FastAPI with as many routes."""
    of_usual: float | None
    """Added, as a share of what the usual composition without Sentry adds."""
    of_usual_sentry: float | None
    """Added, as a share of what the usual composition with Sentry adds."""


def missing() -> str | None:
    """Return why nothing can be counted here; None where it can."""
    return None if shutil.which("valgrind") else "valgrind is not installed"


def measure(
    names: Sequence[str], routes: Sequence[int], progress: Callable[[str], None]
) -> list[Instructions]:
    """Count, on all processors at once: it makes no difference here.

    Args:
        names: Compositions; bare FastAPI is counted in any case.
        routes: Numbers of routes.
        progress: Told what is being counted.

    Raises:
        RuntimeError: A composition failed under Valgrind.
    """
    keys = [
        (name, number)
        for number in routes
        for name in COMPOSITIONS
        if name in names or name == BARE
    ]

    def count(key: tuple[str, int]) -> float:
        name, number = key
        progress(f"counting the instructions of {name}, {number} routes")
        few, many = (_run(name, number, requests) for requests in (FEW, MANY))
        return (many - few) / (MANY - FEW) / THOUSAND

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        counted = dict(zip(keys, pool.map(count, keys), strict=True))
    return [_row(key, counted) for key in keys]


def _row(key: tuple[str, int], counted: dict[tuple[str, int], float]) -> Instructions:
    name, routes = key
    added = {
        one: thousands - counted[BARE, routes]
        for (one, number), thousands in counted.items()
        if number == routes
    }

    def share(of: str) -> float | None:
        return None if name == BARE or not added.get(of) else added[name] / added[of]

    return Instructions(
        composition=name,
        routes=routes,
        thousands=counted[key],
        added=added[name],
        of_usual=share(USUAL),
        of_usual_sentry=share(USUAL_SENTRY),
    )


def _run(name: str, routes: int, requests: int) -> int:
    """Return the instructions of a process that serves so many requests."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [
                *("valgrind", "--tool=cachegrind", "--cache-sim=no"),
                f"--cachegrind-out-file={os.devnull}",
                *(sys.executable, "-m", "benchmarks.worker", name, str(routes)),
            ],
            cwd=folder,
            env=environment(name),
            input=f'{{"serve": {requests}}}\n',
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
    found = REFERENCES.search(done.stderr)
    if done.returncode != 0 or found is None:
        raise RuntimeError(f"{name} failed under Valgrind: {done.stderr[-1000:]}")
    return int(found.group(1).replace(",", ""))


def table(rows: Sequence[Instructions]) -> Table:
    """Return what people read."""
    from rich.table import Table  # noqa: PLC0415 - measuring needs none

    shown = Table(title="Instructions per request, thousands", title_justify="left")
    shown.add_column("composition", no_wrap=True)
    for name in ("routes", "all", "added", "× usual", "× usual + Sentry"):
        shown.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        shown.add_row(
            COMPOSITIONS[row.composition].title,
            str(row.routes),
            f"{row.thousands:,.0f}",
            f"{row.added:,.0f}" if row.added else "–",
            *(
                "–" if share is None else f"{share:.3f}"
                for share in (row.of_usual, row.of_usual_sentry)
            ),
        )
    return shown


EXPLAINED = (
    f"Counted by Valgrind (cachegrind), all threads: a process that serves {MANY:,} "
    f"requests minus one that serves {FEW:,}. Added: beyond bare FastAPI."
)

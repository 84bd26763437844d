"""The outage matrix as a table for people and a file for the documentation."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
from rich.table import Table

from support.outage_cells import WINDOW, is_even

if TYPE_CHECKING:
    from support.outage_cells import Cell

FILE = Path(__file__).parents[2] / "build" / "outages.json"
ADDED = 0.005
ADDED_WHERE_AWAITED = 0.055
LAG = 0.020
CALM = 1.75
"""Load a processor: the server, two wrk and the backends are 1.2 on a machine of two.
"""
MEMORY = 32 * 2**20
BACK = 10.0
SHARED_AGAIN = 5.0
"""The bounds of NB-6, in seconds and bytes."""


def bound(cell: Cell, path: str) -> float:
    """Return what a fault may add to the 99th percentile of a path."""
    awaited = cell.backend == "redis" and path == "/limited"
    return ADDED_WHERE_AWAITED if awaited else ADDED


def broken_promises(cell: Cell) -> list[str]:
    """Say which bounds of NB-6 hold on no machine, however busy."""
    found = []
    if cell.extra:
        found.append(f"{cell.extra} wrong answers of {cell.requests}")
    if not cell.is_balanced:
        found.append(f"the balance: {cell.balance}")
    if not cell.is_here:
        found.append(f"the backend has something else: {cell.balance}")
    if cell.recovery is None:
        found.append("not back in a minute")
    if cell.memory > MEMORY:
        found.append(f"{cell.memory} bytes more memory")
    return found


def is_busy(cell: Cell) -> bool:
    """Return whether others needed the machine, beside the server and its load."""
    return cell.load > CALM * (os.cpu_count() or 1)


def slowness(cell: Cell) -> list[str]:
    """Say which bounds of time are broken; another load of the machine breaks them too.

    On a busy machine only the time inside of the process is judged, without what it
    waited for a processor, and only of the path that waits for no other process.
    """
    if is_busy(cell):
        added = {"/plain": cell.own_added("/plain")}
    else:
        added = {path: cell.added(path) for path in cell.p99}
    found = [
        f"{path} takes {seconds * 1e3:.1f} ms longer"
        for path, seconds in added.items()
        if seconds > bound(cell, path)
    ]
    back = SHARED_AGAIN if cell.backend == "redis" else BACK
    if cell.recovery is not None and cell.recovery > back:
        found.append(f"back after {cell.recovery:.1f} s instead of {back:g}")
    before, during, after = cell.lag_p99
    # What the loop lags behind without any fault is no outage's doing.
    if during > max(LAG, before, after) and not is_busy(cell):
        found.append(f"the loop lags {during * 1e3:.0f} ms behind")
    return found


def table(cells: list[Cell]) -> Table:
    """Return one row a cell."""
    shown = Table(title=f"Outages: {len(cells)} cells, {WINDOW:g} s before, in, after")
    for name in ("backend", "fault"):
        shown.add_column(name)
    for name in (
        "requests",
        "wrong",
        "p99 added /plain",
        "/limited",
        "own /plain",
        "own /limited",
        "lag p99",
        "RSS MiB",
        "back s",
        "accepted = sent + dropped + queued",
        "load",
    ):
        shown.add_column(name, justify="right")
    for cell in sorted(cells, key=lambda one: (one.backend, one.fault)):
        late = "never" if cell.recovery is None else f"{cell.recovery:.1f}"
        shown.add_row(
            cell.backend,
            cell.fault,
            str(cell.requests),
            str(cell.extra),
            *(f"{cell.added(path) * 1e3:+.1f}" for path in cell.p99),
            *(f"{cell.own_added(path) * 1e3:+.1f}" for path in cell.own_p99),
            f"{cell.lag_p99[1] * 1e3:.0f}",
            f"{cell.memory / 2**20:+.0f}",
            late,
            _balance(cell),
            f"{cell.load:.1f}{' busy' if is_busy(cell) else ''}",
        )
    return shown


def _balance(cell: Cell) -> str:
    sums = [
        f"{one['accepted']:g} {'=' if is_even(one) else '≠'} "
        f"{one['sent']:g} + {one['dropped']:g} + {one['queued']:g}"
        for one in cell.balance.values()
    ]
    return "\n".join(sums)


def write(cells: list[Cell]) -> None:
    """Write the file."""
    FILE.parent.mkdir(exist_ok=True)
    content = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "seconds": WINDOW,
        "cells": [cell.json() | {"busy": is_busy(cell)} for cell in cells],
    }
    FILE.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))

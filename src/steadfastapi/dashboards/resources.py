"""On-call: what the processes use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steadfastapi.dashboards.panels import FULL, Panel, Target
from steadfastapi.signals import (
    GC_COLLECTIONS,
    GC_PAUSE,
    WORKER_CPU,
    WORKER_MAX_FDS,
    WORKER_MEMORY,
    WORKER_OPEN_FDS,
)

if TYPE_CHECKING:
    from steadfastapi.dashboards.expressions import Queries


def resources(q: Queries) -> tuple[Panel, ...]:
    """Return the panels about processor, memory and descriptors."""
    open_fds = q.sum(WORKER_OPEN_FDS, "instance")
    return (
        Panel(
            id=19,
            title="Processor",
            description=(
                "Cores in use. One a worker is all that it can have: then add workers, "
                "or move computations out of the requests."
            ),
            unit="none",
            targets=(Target(query=q.rate(WORKER_CPU, "instance")),),
            low=0.0,
        ),
        Panel(
            id=20,
            title="Memory",
            description=(
                "Resident memory. A line that only rises is a leak: background tasks "
                "without a bound, or a cache. Restart before the system does."
            ),
            unit="bytes",
            targets=(Target(query=q.sum(WORKER_MEMORY, "instance")),),
            low=0.0,
        ),
        Panel(
            id=21,
            title="File descriptors",
            description=(
                "Share of what may be open. Rising with the traffic constant: clients "
                "or files that are never closed."
            ),
            unit="percentunit",
            targets=(Target(query=open_fds / q.sum(WORKER_MAX_FDS, "instance")),),
            steps=FULL,
            low=0.0,
        ),
    )


def collector(q: Queries) -> tuple[Panel, ...]:
    """Return the panels about garbage collection."""
    return (
        Panel(
            id=22,
            title="Garbage collection, time",
            description=(
                "Share of the time in which it held everything up. Above 1 %: many "
                "objects that live long; gc.freeze() after the start helps."
            ),
            unit="percentunit",
            targets=(Target(query=q.rate(GC_PAUSE, "generation")),),
            steps=((0.01, "yellow"), (0.05, "red")),
            low=0.0,
        ),
        Panel(
            id=122,
            title="Garbage collection, runs",
            description=(
                "Runs by generation. The oldest one many times a minute is what makes "
                "single requests slow."
            ),
            unit="ops",
            targets=(Target(query=q.rate(GC_COLLECTIONS, "generation")),),
            low=0.0,
        ),
    )

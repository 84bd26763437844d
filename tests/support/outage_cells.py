"""What one cell of the outage matrix measures, and whether its balance is exact."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from typing import Any

WINDOW = float(os.environ.get("OUTAGE_SECONDS", "6"))
"""Seconds of load before, during and after a fault; RELIABILITY's matrix has 30."""
PATHS = ("/plain", "/limited")
PATIENCE = 60.0
"""Seconds that a cell waits for what should take ten; the figure says how long."""
SINKS = {
    "sentry": ("sentry",),
    "otlp": ("otlp_traces", "otlp_logs"),
    "postgresql": ("inbox",),
    "webhook": ("webhook",),
    "redis": (),
}
LATE = ("latency", "trickle")
"""Faults with which answers come too late."""
IN_FLIGHT = {"sentry": 1, "otlp_traces": 256, "otlp_logs": 256, "webhook": 1}
"""What one request holds at most, by sink; the inbox knows a batch that came before."""
Ledger = dict[str, dict[str, float]]


@dataclass(slots=True)
class Cell:
    """What one cell measured; seconds and bytes."""

    backend: str
    fault: str
    extra: int = 0
    """Answers that were wrong: not 2xx, or a failure outside of the contract."""
    requests: int = 0
    p99: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    """By path: before, during, after."""
    own_p99: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    """The same inside of the process, without waiting for a processor."""
    lag_p99: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Before, during, after; without waiting for a processor, like the next."""
    lag_max: tuple[float, float, float] = (0.0, 0.0, 0.0)
    load: float = 0.0
    """Load average of the machine, ours included."""
    memory: int = 0
    """Growth from before the fault."""
    recovery: float | None = None
    """From the repair, or the end of the pause that was asked for; None is never."""
    balance: dict[str, dict[str, float]] = field(default_factory=dict)
    """By sink: accepted, sent, dropped, queued, and what the backend has."""

    def added(self, path: str) -> float:
        """Return what the fault adds to the 99th percentile of a path."""
        return _added(self.p99[path])

    def own_added(self, path: str) -> float:
        """Return the same of the process's own time."""
        return _added(self.own_p99[path])

    @property
    def is_balanced(self) -> bool:
        """Whether everything that was accepted has one end."""
        return all(map(is_even, self.balance.values()))

    @property
    def is_here(self) -> bool:
        """Whether the backend has what was sent, each once.

        Where an answer is lost the application cannot know: the backend may have
        something twice, or what counts as dropped. That is every answer where they
        come too late, and else the one that was on its way when the fault began.
        """
        return all(
            one["sent"] <= one["here"]
            and (
                self.fault in LATE
                or one["here"] <= one["sent"] + IN_FLIGHT.get(sink, 0)
            )
            for sink, one in self.balance.items()
        )

    def json(self) -> dict[str, Any]:
        """Return everything, for the file."""
        return asdict(self) | {
            "added": {path: self.added(path) for path in self.p99},
            "own_added": {path: self.own_added(path) for path in self.own_p99},
            "balanced": self.is_balanced,
            "here": self.is_here,
        }


def _added(figures: tuple[float, float, float]) -> float:
    before, during, after = figures
    return during - (before + after) / 2


def balance(backend: str, first: Ledger, last: Ledger) -> Ledger:
    """Return what happened between two ledgers in the sinks of a backend."""
    found: Ledger = {}
    for sink in SINKS[backend]:
        one, two = first[sink], last[sink]
        grown = {key: two[key] - one.get(key, 0) for key in two if key != "queued"}
        grown["queued"] = two["queued"]
        found[sink] = grown
    return found


def is_even(counts: dict[str, float]) -> bool:
    """Return whether everything that was accepted has one end."""
    return counts["accepted"] == counts["sent"] + counts["dropped"] + counts["queued"]

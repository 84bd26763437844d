"""How the inbox is doing, for the console and for the metrics."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from steadfastapi import signals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steadfastapi._meter import Meter
    from steadfastapi.inbox.queue import Counts

Health = Literal["idle", "ok", "down"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """What is kept, and for how long."""

    seconds: float
    entries: int
    entries_each: int
    """Of one issue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How the inbox is doing: `accepted == written + dropped + queued`."""

    state: Health
    """`idle` before the first entry; `down` while the store fails."""
    problem: str | None
    """What the store said last, if it is down."""
    since: float
    """Unix time at which the state began."""
    accepted: int
    written: int
    dropped: Mapping[str, int]
    """By reason: `full` (the queue), `refused` (by the store), `broken` (an error of
    ours), `shutdown`."""
    queued: int
    queued_bytes: int
    store: str


class Report:
    """Tells the metrics what has happened since they were told last.

    Args:
        meter: Where the metrics are.
    """

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._told: Counter[str] = Counter()

    def __call__(self, counts: Counts, *, down: bool) -> None:
        """Tell of these counts."""
        meter, told = self._meter, self._told
        now = {
            "accepted": counts.accepted,
            "written": counts.written,
            "dropped": sum(counts.dropped.values()),
        }
        for outcome, count in now.items():
            meter.add(signals.INBOX_EVENTS, count - told[outcome], outcome)
            told[outcome] = count
        meter.set(signals.INBOX_QUEUE, counts.queued)
        meter.set(signals.INBOX_STORE_DOWN, float(down))

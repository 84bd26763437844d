"""Storms: what happens thousands of times a second is one row and a counter."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING

from steadfastapi.inbox.tally import folded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from steadfastapi.inbox.entry import Entry

STORM_SIZE = 20
"""Entries of one issue in one batch (a few tenths of a second): more are a storm, and
are kept as one."""
CALM_AFTER = 10.0
"""Seconds without a storm's next batch after which a new one gets a row of its own."""
ROW_LASTS = 300.0
"""Seconds for which one row stands for a storm that does not end."""
MAX_STORMS = 1_000


class Storms:
    """Recognises storms over several batches.

    Args:
        clock: Seconds that only rise.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._rows: dict[str, tuple[str, float, float]] = {}
        """By issue: the row, when it was made, when it was used last."""

    def fold(self, entries: Iterable[Entry]) -> tuple[list[Entry], set[str]]:
        """Return what is to be written, and the issues whose storm has just begun."""
        entries = list(entries)
        sizes: Counter[str] = Counter()
        for entry in entries:
            sizes[entry.issue] += entry.repeats
        kept: list[Entry] = []
        rows: dict[str, int] = {}
        begun: set[str] = set()
        for entry in entries:
            if sizes[entry.issue] <= STORM_SIZE and not self._rages(entry.issue):
                kept.append(entry)
            elif entry.issue in rows:
                place = rows[entry.issue]
                kept[place] = _with(kept[place], entry)
            else:
                rows[entry.issue] = len(kept)
                identity, new = self._row(entry)
                if new:
                    begun.add(entry.issue)
                kept.append(replace(entry, id=identity))
        return kept, begun

    def _rages(self, issue: str) -> bool:
        row = self._rows.get(issue)
        return row is not None and self._clock() - row[2] < CALM_AFTER

    def _row(self, entry: Entry) -> tuple[str, bool]:
        """Return the id of the row that stands for a storm, and whether it is new."""
        now = self._clock()
        known = self._rows.get(entry.issue)
        rages = known is not None and now - known[2] < CALM_AFTER
        if known is not None and rages and now - known[1] < ROW_LASTS:
            self._rows[entry.issue] = (known[0], known[1], now)
            return known[0], False
        if len(self._rows) >= MAX_STORMS:
            self._rows.clear()
        self._rows[entry.issue] = (entry.id, now, now)
        return entry.id, not rages


def _with(kept: Entry, more: Entry) -> Entry:
    users = dict.fromkeys((*kept.users, *more.users))
    if more.user is not None:
        users[more.user] = None
    also = more.request.get("id")
    joined = folded(kept, replace(more, also=(also, *more.also) if also else more.also))
    return replace(joined, users=tuple(users))

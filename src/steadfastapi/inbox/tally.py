"""What a batch adds to each issue, worked out before any store is asked."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from steadfastapi.inbox.store import HOUR

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steadfastapi.inbox.entry import Entry, Level

MAX_ALSO = 20


@dataclass(slots=True)
class Tally:
    """What one batch adds to one issue."""

    latest: Entry
    count: int = 0
    first_seen: float = 0.0
    last_seen: float = 0.0
    level: Level = "warning"
    hours: Counter[int] = field(default_factory=Counter)
    users: dict[str, None] = field(default_factory=dict)
    releases: dict[str, float] = field(default_factory=dict)
    """Releases, and when each was first seen in the batch."""

    def add(self, entry: Entry) -> None:
        """Count one entry."""
        last_at = max(entry.at, entry.last_at)
        self.first_seen = min(self.first_seen, entry.at) if self.count else entry.at
        self.count += entry.repeats
        self.last_seen = max(self.last_seen, last_at)
        if entry.level == "error":
            self.level = "error"
        self.hours[int(last_at // HOUR)] += entry.repeats
        for user in (entry.user, *entry.users):
            if user is not None:
                self.users[user] = None
        first = self.releases.get(entry.release)
        if first is None or entry.at < first:
            self.releases[entry.release] = entry.at
        self.latest = entry


def tallies(entries: Iterable[Entry]) -> dict[str, Tally]:
    """Return what entries add to each issue, by its id.

    Sorted, so that every process takes the locks of issues in one order.
    """
    found: dict[str, Tally] = {}
    for entry in entries:
        if entry.issue not in found:
            found[entry.issue] = Tally(entry)
        found[entry.issue].add(entry)
    return dict(sorted(found.items()))


def folded(kept: Entry, more: Entry) -> Entry:
    """Return an entry that stands for another one as well."""
    also = dict.fromkeys((*kept.also, *more.also))
    return replace(
        kept,
        repeats=kept.repeats + more.repeats,
        last_at=max(kept.last_at, more.last_at, more.at),
        also=tuple(also)[:MAX_ALSO],
    )

"""What a store is, and what it keeps.

Every method is called in threads, never on the event loop, may block, and raises
`StoreError` alone. Counting is the store's: several processes write at once, so an
issue's count is raised where it is kept, in the transaction that keeps the entry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steadfastapi.inbox.entry import Entry, Level
    from steadfastapi.inbox.query import Page, Query, State

What = Literal["new", "reopened", "storm"]

HOUR = 3_600
HOURS = 24
"""Length of a sparkline."""
MAX_USERS = 10_000
"""Users that are counted of one issue."""
MAX_RELEASES = 50
SCANNED_FIRST = 4_000
"""Entries, the newest, that a search reads before it asks an index: what is in many of
them fills the page at once, and would take the index long."""
MAX_MATCHES = 1_000
"""Entries, the newest, whose issues a search finds."""
PRUNED_AT_ONCE = 5_000
"""Entries that one call of `prune` deletes of a kind: others want to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """Errors that belong together."""

    id: str
    """16 hex digits."""
    title: str
    level: Level
    event: str
    route: str | None
    culprit: str
    state: State
    count: int
    users: int
    """Different users, `MAX_USERS` at most."""
    first_seen: float
    """Unix time."""
    last_seen: float
    releases: tuple[str, ...]
    """In which it was seen, oldest first."""
    resolved_in: str | None = None
    """The release that was said to mend it."""
    state_at: float | None = None
    """Unix time of the last change of its state."""
    spark: tuple[int, ...] = ()
    """How often in each of the last 24 hours, this one last."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something that people may want to hear of."""

    what: What
    issue: str
    entry: Entry


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries that are written together, once.

    A store that has seen the id has written them: an answer that was lost makes no
    doubles.
    """

    id: str
    entries: tuple[Entry, ...]


class Store(Protocol):
    """Keeps entries and counts issues; safe to call from several threads."""

    def open(self) -> None:
        """Connect, and bring the schema up to date. Calling it again is harmless."""

    def write(self, batch: Batch) -> list[Change]:
        """Keep entries and count their issues, all or nothing; return what is new."""

    def issues(self, query: Query, *, now: float | None = None) -> Page[Issue]:
        """Return issues, by the query's order, largest or latest first."""

    def issue(self, identity: str, *, now: float | None = None) -> Issue | None:
        """Return one issue."""

    def entries(self, query: Query) -> Page[Entry]:
        """Return entries, newest first."""

    def entry(self, identity: str) -> Entry | None:
        """Return one entry."""

    def set_state(
        self, identities: Sequence[str], state: State, *, release: str | None = None
    ) -> int:
        """Change the state of issues; return how many there were.

        Args:
            identities: Ids of issues.
            state: What they are from now on.
            release: With `resolved`: entries of releases that were first seen before
                this one leave them resolved.
        """

    def prune(self, *, before: float, keep: int, keep_each: int) -> int:
        """Delete old entries; return how many.

        Where those are `PRUNED_AT_ONCE` or more, there may be others.

        Args:
            before: Unix time: older ones go, and issues not seen since.
            keep: How many may stay.
            keep_each: How many may stay of one issue.
        """

    def claim(self, key: str, seconds: float) -> bool:
        """Return True to the first worker that asks for `key`, until it expires."""

    def close(self) -> None:
        """Let go of connections; the store opens them again when it is used."""


def should_reopen(
    resolved_in: str | None, release: str, first_seen: dict[str, float]
) -> bool:
    """Decide whether an entry of `release` opens an issue that was resolved.

    Args:
        resolved_in: The release that was said to mend it; None for now.
        release: Of the entry.
        first_seen: When each release was first seen, of any issue.
    """
    if resolved_in is None or release == resolved_in:
        return True
    seen = first_seen.get(release)
    mended = first_seen.get(resolved_in)
    if seen is None:
        return True  # a release that is younger than the promise
    return mended is not None and seen > mended

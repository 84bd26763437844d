"""From one store into another, for a move: entries, and what was decided of issues."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from steadfastapi.inbox.query import MAX_PAGE, Query
from steadfastapi.inbox.store import Batch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steadfastapi.inbox.store import Issue, Store


def copy(source: Store, target: Store) -> tuple[int, int]:
    """Copy all entries, and the states of issues; again does no harm.

    Counts are those of the entries that are still kept: what the source has deleted
    for its age or number is counted no more.

    Args:
        source: Is only read.
        target: May hold others already.

    Returns:
        How many entries were copied, and how many issues were resolved or ignored.

    Raises:
        StoreError: One of them does not answer; what was copied stays.
    """
    copied = 0
    for cursor in reversed(_pages(source)):
        # Oldest first, so that lists and titles come out the same.
        page = source.entries(Query(cursor=cursor, limit=MAX_PAGE)).items[::-1]
        fresh = tuple(entry for entry in page if target.entry(entry.id) is None)
        if fresh:
            ids = "".join(entry.id for entry in fresh)
            target.write(Batch(hashlib.sha256(ids.encode()).hexdigest()[:32], fresh))
        copied += len(fresh)
    changed = 0
    for issue in _issues(source):
        if issue.state != "open":
            release = issue.resolved_in
            changed += target.set_state([issue.id], issue.state, release=release)
    return copied, changed


def _pages(source: Store) -> list[str | None]:
    """Return the cursors of all pages of entries, the newest first."""
    cursors: list[str | None] = [None]
    while True:
        following = source.entries(Query(cursor=cursors[-1], limit=MAX_PAGE)).next
        if following is None:
            return cursors
        cursors.append(following)


def _issues(source: Store) -> Iterator[Issue]:
    cursor = None
    while True:
        page = source.issues(Query(cursor=cursor, limit=MAX_PAGE))
        yield from page.items
        cursor = page.next
        if cursor is None:
            return

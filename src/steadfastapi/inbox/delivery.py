"""The last step of an entry: into the store, however long that takes."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Literal, NamedTuple

from steadfastapi._guard import guard
from steadfastapi._scrub import scrub_text
from steadfastapi.exceptions import StoreError
from steadfastapi.inbox.store import Batch

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable

    from steadfastapi.inbox.entry import Entry
    from steadfastapi.inbox.status import Health
    from steadfastapi.inbox.store import Change, Store

BACKOFF = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Seconds between two tries while the store is down; the last one again and again, so
that delivery is back within 10 s (NB-6)."""
LAST_TRIES = 3
"""Tries while the application ends: a store that is down must not cost every restart
the whole deadline."""
MAX_PROBLEM = 500


class Delivered(NamedTuple):
    """What became of errors, repeated ones counted."""

    written: int
    refused: int
    left: int
    """Not written when the application ended."""


class Delivery:
    """Writes batches, tries again, and knows how the store is.

    Args:
        store: Where entries are kept.
        hurry: Set to try again at once.
        tell: Told of new and reopened issues.
        report: Called when the store has failed.
    """

    def __init__(
        self,
        store: Store,
        hurry: threading.Event,
        *,
        tell: Callable[[list[Change]], None] | None,
        report: Callable[[], None],
    ) -> None:
        self._store = store
        self._hurry = hurry
        self._tell = tell
        self._report = report
        self.ending = False
        """The application ends: a few more tries."""
        self.ended = False
        """No more tries."""
        self.state: Health = "idle"
        self.problem: str | None = None
        self.since = time.time()

    def open(self) -> None:
        """Open the store, before there is anything to write."""
        try:
            self._store.open()
        except StoreError as error:
            self.fail(error)
        else:
            self._recover()

    def deliver(self, entries: list[Entry]) -> Delivered:
        """Write entries, however long it takes."""
        written = refused = 0
        batches = [_batch(entries)] if entries else []
        while batches:
            batch = batches.pop(0)
            outcome = self._until_done(batch)
            if outcome == "written":
                written += _count(batch.entries)
            elif outcome == "left":
                left = sum(_count(one.entries) for one in (batch, *batches))
                return Delivered(written, refused, left)
            elif len(batch.entries) == 1:
                refused += _count(batch.entries)
            else:
                # One of them is what the store cannot take: each goes on alone.
                batches = [*(_batch([one]) for one in batch.entries), *batches]
        return Delivered(written, refused, 0)

    def tell(self, changes: list[Change]) -> None:
        """Tell whoever wants to know."""
        if changes and self._tell is not None:
            guard.call("inbox.changes", self._tell, changes)

    def fail(self, error: Exception) -> None:
        """Remember that the store does not work, and why."""
        self.problem = scrub_text(str(error), MAX_PROBLEM)
        if self.state != "down":
            self.state, self.since = "down", time.time()
        self._report()

    def _recover(self) -> None:
        self.problem = None
        if self.state != "ok":
            self.state, self.since = "ok", time.time()

    def _until_done(self, batch: Batch) -> Literal["written", "refused", "left"]:
        tries = last_tries = 0
        while True:
            try:
                changes = self._store.write(batch)
            except StoreError as error:
                if error.refused:
                    return "refused"  # the store works: it says no
                self.fail(error)
            except Exception as error:
                self.fail(error)
                guard.swallow("inbox.store", error)
                return "refused"
            else:
                self._recover()
                self.tell(changes)
                return "written"
            last_tries += self.ending
            if self.ended or last_tries >= LAST_TRIES:
                return "left"
            self._hurry.wait(BACKOFF[min(tries, len(BACKOFF) - 1)])
            self._hurry.clear()
            tries += 1


def _batch(entries: list[Entry]) -> Batch:
    return Batch(os.urandom(16).hex(), tuple(entries))


def _count(entries: Iterable[Entry]) -> int:
    return sum(entry.repeats for entry in entries)

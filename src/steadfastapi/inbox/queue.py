"""Where sightings wait for the writer: bounded, and honest about what it drops.

Everything that `put` touches may be entered again by the same thread: the garbage
collector may run at any point of it, find a task that nobody awaited, and thereby put
something itself. Hence a lock that lets its owner in, and no `threading.Event`.
"""

from __future__ import annotations

import queue
import threading
from collections import Counter
from contextlib import suppress
from time import time
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from steadfastapi.inbox.capture import Sighting

MAX_ITEMS = 1_000
MAX_BYTES = 8 * 1024 * 1024
"""Beyond either, new ones are dropped and counted (NB-7)."""
FOLD_AFTER = 20
"""Identical sightings that wait one by one; those beyond are only counted, on the
last one (SEC-10)."""
MAX_ALSO = 20
MAX_USERS = 200
"""Users of folded sightings that are remembered until they are written."""


class Counts(NamedTuple):
    """What became of sightings: `accepted == written + dropped + queued`."""

    accepted: int
    written: int
    dropped: dict[str, int]
    """By reason."""
    queued: int
    bytes: int


class SightingQueue:
    """A queue of bounded items and bytes; folds what is identical.

    At any moment `accepted` is what was written, was dropped, and is in here or on
    its way to the store.

    Args:
        max_items: Sightings; those on their way to the store count.
        max_bytes: Their estimated size.
        exact: Whether only those with equal messages are identical.
    """

    def __init__(
        self,
        *,
        max_items: int = MAX_ITEMS,
        max_bytes: int = MAX_BYTES,
        exact: bool = False,
    ) -> None:
        self._exact = exact
        self._max_items = max_items
        self._max_bytes = max_bytes
        self.forget()

    def forget(self) -> None:
        """Be empty and count anew, with a lock that nobody holds: in a forked child."""
        self._lock = threading.RLock()
        self._wakes: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._is_awake = False
        self._waiting: list[Sighting] = []
        self._same: dict[tuple[Any, ...], tuple[int, Sighting]] = {}
        self._bytes = 0
        self._taken_items = 0
        self._taken_bytes = 0
        self._taken_repeats = 0
        self.accepted = 0
        self.written = 0
        self.dropped: Counter[str] = Counter()

    def put(self, seen: Sighting) -> bool:
        """Let a sighting wait; never blocks for longer than another call of this.

        Returns:
            Whether there was room for it.
        """
        key = seen.key(exact=self._exact)
        size = seen.size()
        with self._lock:
            self.accepted += 1
            count, last = self._same.get(key, (0, seen))
            if count >= FOLD_AFTER:
                _fold(last, seen)
                return True
            if not self._has_room(size):
                self.dropped["full"] += 1
                return False
            self._waiting.append(seen)
            self._bytes += size
            self._same[key] = (count + 1, seen)
        if not self._is_awake:
            self._is_awake = True
            self._wakes.put(None)
        return True

    def wait(self, seconds: float) -> bool:
        """Wait until something is put, or until `wake`; return whether there is any."""
        if not self._waiting:
            with suppress(queue.Empty):
                self._wakes.get(timeout=seconds)
        return bool(self._waiting)

    def wake(self) -> None:
        """Let `wait` return."""
        self._wakes.put(None)

    def refuse(self, reason: str) -> None:
        """Count one that does not even get here."""
        with self._lock:
            self.accepted += 1
            self.dropped[reason] += 1

    def _has_room(self, size: int) -> bool:
        items = len(self._waiting) + self._taken_items
        return (
            items < self._max_items
            and self._bytes + self._taken_bytes + size <= self._max_bytes
        )

    def take(self) -> list[Sighting]:
        """Return all that wait; they count as waiting until `done` is called."""
        with self._lock:
            self._is_awake = False  # first: what is put from now on wakes again
            taken, self._waiting = self._waiting, []
            self._same = {}
            self._taken_items += len(taken)
            self._taken_bytes += self._bytes
            self._taken_repeats += sum(seen.repeats for seen in taken)
            self._bytes = 0
            return taken

    def done(self, *, written: int = 0, **dropped: int) -> None:
        """Say what became of all that was taken.

        Args:
            written: How many were kept.
            **dropped: How many were not, by reason.
        """
        with self._lock:
            self.written += written
            self.dropped.update(dropped)
            self._taken_items = self._taken_bytes = self._taken_repeats = 0

    @property
    def queued(self) -> int:
        """How many are neither written nor dropped."""
        with self._lock:
            return self._queued()

    def counts(self) -> Counts:
        """Return all counts of one moment."""
        with self._lock:
            return Counts(
                self.accepted,
                self.written,
                {reason: count for reason, count in self.dropped.items() if count},
                self._queued(),
                self._bytes + self._taken_bytes,
            )

    def _queued(self) -> int:
        return self._taken_repeats + sum(seen.repeats for seen in self._waiting)


def _fold(last: Sighting, seen: Sighting) -> None:
    last.repeats += 1
    last.last_at = time()
    if len(last.also) < MAX_ALSO:
        identity = seen.request.get("id")
        if identity is not None:
            last.also.append(identity)
    user = seen.fields.get("user_id")
    if user is not None and len(last.users) < MAX_USERS:
        last.users.append(str(user)[:256])

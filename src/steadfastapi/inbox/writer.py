"""The writer: one thread that brings what waits into the store, and never gives up."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from steadfastapi._fork import in_children
from steadfastapi._guard import guard
from steadfastapi._meter import Meter
from steadfastapi.exceptions import StoreError
from steadfastapi.inbox.delivery import Delivery
from steadfastapi.inbox.queue import SightingQueue
from steadfastapi.inbox.status import Report, Status
from steadfastapi.inbox.store import PRUNED_AT_ONCE, Change
from steadfastapi.inbox.storms import Storms

if TYPE_CHECKING:
    from collections.abc import Callable

    from steadfastapi.inbox.capture import Sighting
    from steadfastapi.inbox.entry import Entry
    from steadfastapi.inbox.status import Retention
    from steadfastapi.inbox.store import Store

LINGER = 0.2
"""Seconds between the first that waits and its batch: others come along."""
PRUNE_EVERY = 60.0
MAX_PRUNES = 20
_YIELD = 0.0001


class Writer:
    """Completes, folds and writes what was seen.

    Its thread starts with the first sighting, so that a process which only prepares
    and forks has none; a child starts its own, with an empty queue.

    Args:
        store: Where entries are kept.
        complete: Makes an entry of a sighting.
        retention: What is deleted once a minute.
        on_changes: Told of new and reopened issues and of storms, in the thread.
        queue: Where sightings wait.
        meter: Where the metrics are, if there are any.
    """

    def __init__(  # noqa: PLR0913 - what is not needed goes by name
        self,
        store: Store,
        complete: Callable[[Sighting], Entry],
        retention: Retention,
        *,
        on_changes: Callable[[list[Change]], None] | None = None,
        queue: SightingQueue | None = None,
        meter: Meter | None = None,
    ) -> None:
        self.store = store
        self._meter = meter or Meter()
        self.queue = queue or SightingQueue()
        self._complete = complete
        self._retention = retention
        self._on_changes = on_changes
        self._begin()
        in_children(self._begin_in_child)

    def _begin(self) -> None:
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._hurry = threading.Event()
        self._idle = threading.Condition()
        self._closed = False
        self._storms = Storms()
        self._pruned_at = 0.0
        self._metrics = Report(self._meter)
        self._delivery = Delivery(
            self.store, self._hurry, tell=self._on_changes, report=self._report
        )

    def _begin_in_child(self) -> None:
        self.queue.forget()
        self._begin()

    def put(self, seen: Sighting) -> bool:
        """Let a sighting be written; returns whether there was room for it."""
        if self._closed:
            self.queue.refuse("shutdown")
            return False
        accepted = self.queue.put(seen)
        if self._thread is None:
            self._start()
        return accepted

    def wake(self) -> None:
        """Start the thread, and with it the store, without anything to write."""
        self._start()

    def status(self) -> Status:
        """Return counts and state; asks no store."""
        counts = self.queue.counts()
        return Status(
            state=self._delivery.state,
            problem=self._delivery.problem,
            since=self._delivery.since,
            accepted=counts.accepted,
            written=counts.written,
            dropped=counts.dropped,
            queued=counts.queued,
            queued_bytes=counts.bytes,
            store=repr(self.store),
        )

    def flush(self, seconds: float) -> bool:
        """Wait until nothing waits any more; returns whether it came to that."""
        ends_at = time.monotonic() + seconds
        while self.queue.queued:
            left = ends_at - time.monotonic()
            if left <= 0:
                return False
            self._start()
            self._hurry.set()
            with self._idle:
                self._idle.wait(min(left, 0.05))
        return True

    def close(self, seconds: float) -> bool:
        """Write what waits, as far as `seconds` go, and end.

        Returns:
            Whether everything was written; what is left is dropped, and counted.
        """
        left_before = self.queue.dropped["shutdown"]
        self._delivery.ending = True
        delivered = self.flush(max(0.0, seconds - 0.1))
        self._closed = self._delivery.ended = True
        self._hurry.set()
        self.queue.wake()
        thread = self._started()
        if thread is not None:
            thread.join(0.1)
        if thread is None or not thread.is_alive():
            guard.call("inbox.store", self.store.close)
        return delivered and self.queue.dropped["shutdown"] == left_before

    def reopen(self) -> None:
        """Take sightings again: the same application starts once more."""
        self._closed = self._delivery.ended = self._delivery.ending = False

    def _started(self) -> threading.Thread | None:
        """Return the thread, once whoever is starting it has done so."""
        if self._lock.acquire(timeout=0.1):
            self._lock.release()
        thread = self._thread
        return None if thread is None or thread.ident is None else thread

    def _start(self) -> None:
        if not self._lock.acquire(blocking=False):
            return  # somebody is at it; it may be this very thread (see `queue`)
        try:
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(
                    target=self._run, name="steadfastapi-inbox", daemon=True
                )
                self._thread.start()
        except RuntimeError as error:  # the interpreter ends, or no more threads
            self._thread = None
            self._delivery.fail(error)
        finally:
            self._lock.release()

    def _run(self) -> None:
        try:
            guard.call("inbox.store", self._delivery.open)
            while not self._closed:
                if self.queue.wait(PRUNE_EVERY):
                    self._hurry.wait(LINGER)
                    self._hurry.clear()
                    self._write_all()
                self._prune()
        finally:
            self._thread = None  # whatever ended it, the next one starts another

    def _write_all(self) -> None:
        taken = self.queue.take()
        if not taken:
            return
        fate = {"broken": sum(seen.repeats for seen in taken)}
        try:
            fate = self._write(taken)
        finally:
            self.queue.done(**fate)
            self._report()
            with self._idle:
                self._idle.notify_all()

    def _write(self, taken: list[Sighting]) -> dict[str, int]:
        """Write sightings; return how many had which fate."""
        entries: list[Entry] = []
        broken = 0
        for seen in taken:
            try:
                entries.append(self._complete(seen))
            except Exception as error:
                broken += seen.repeats
                guard.swallow("inbox.entry", error)
            # Let the event loop have the interpreter: it would wait for 5 ms.
            time.sleep(_YIELD)
        kept, begun = self._storms.fold(entries)
        written, refused, left = self._delivery.deliver(kept)
        storms = [Change("storm", one.issue, one) for one in kept if one.issue in begun]
        self._delivery.tell(storms)
        return {
            "written": written,
            "refused": refused,
            "broken": broken,
            "shutdown": left,
        }

    def _prune(self) -> None:
        now = time.monotonic()
        if self._closed or (self._pruned_at and now - self._pruned_at < PRUNE_EVERY):
            return
        self._pruned_at = now
        kept = self._retention
        try:
            for _ in range(MAX_PRUNES):
                deleted = self.store.prune(
                    before=time.time() - kept.seconds,
                    keep=kept.entries,
                    keep_each=kept.entries_each,
                )
                if deleted < PRUNED_AT_ONCE or self._delivery.ending:
                    return
        except StoreError as error:
            self._delivery.fail(error)
        except Exception as error:
            guard.swallow("inbox.store", error)

    def _report(self) -> None:
        self._metrics(self.queue.counts(), down=self._delivery.state == "down")

"""The writer: batches, retries, balance, deadlines, forks."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from steadfastapi._service import Service
from steadfastapi.exceptions import StoreError
from steadfastapi.inbox.capture import Sighting
from steadfastapi.inbox.complete import Completion
from steadfastapi.inbox.queue import MAX_BYTES, MAX_ITEMS, SightingQueue
from steadfastapi.inbox.status import Retention
from steadfastapi.inbox.writer import Writer
from steadfastapi.testing import internal_errors
from support.inbox import ToldStore
from support.inbox_apps import raised, sighting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steadfastapi.inbox.store import Change

KEEP = Retention(seconds=3600, entries=10, entries_each=10)


@pytest.fixture
def store() -> ToldStore:
    """Return a store that does as it is told."""
    return ToldStore()


@pytest.fixture
def writer(store: ToldStore) -> Iterator[Writer]:
    """Yield a writer, and end it."""
    made = writing(store)
    yield made
    store.failure, store.delay = None, 0.0
    made.close(1)


def writing(store: ToldStore, **options: Any) -> Writer:
    """Return a writer into `store`."""
    return Writer(store, Completion(Service(name="shop")), KEEP, **options)


def balanced(writer: Writer) -> bool:
    """Return whether the counts add up."""
    status = writer.status()
    known = status.written + sum(status.dropped.values()) + status.queued
    return status.accepted == known


def test_what_is_put_is_written(store: ToldStore, writer: Writer) -> None:
    """In one batch, in order, in a thread of its own."""
    before = writer.status()

    for number in range(5):
        writer.put(sighting(message=f"m{'abcde'[number]}"))

    assert writer.flush(5)
    assert ["ma", "mb", "mc", "md", "me"] == [e.message for e in store.entries_written]
    assert 1 == len(store.batches)
    status = writer.status()
    assert ("idle", "ok", 5, {}, 0) == (
        before.state,
        status.state,
        status.written,
        status.dropped,
        status.queued,
    )


def test_no_thread_before_the_first_sighting(writer: Writer) -> None:
    """A process that imports an application and forks has none."""
    assert writer.flush(0)
    assert "steadfastapi-inbox" not in {one.name for one in threading.enumerate()}


def test_a_store_that_is_down_gets_everything_later(
    store: ToldStore, writer: Writer
) -> None:
    """NB-6: kept while there is room, visible, and written when it is back."""
    store.failure = StoreError("connection to db:5432 refused, password=hunter22")
    writer.put(sighting(message="early"))
    assert not writer.flush(0.3)
    writer.put(sighting(message="late"))
    down = writer.status()

    store.failure = None
    assert writer.flush(5)

    assert ("down", 2) == (down.state, down.queued)
    assert "refused" in (down.problem or "")
    assert "hunter22" not in (down.problem or "")
    assert ["early", "late"] == [one.message for one in store.entries_written]
    assert ("ok", None) == (writer.status().state, writer.status().problem)
    assert balanced(writer)


def test_a_hanging_store_delays_nobody(store: ToldStore) -> None:
    """FLARE-11: putting takes microseconds; what does not fit is dropped."""
    store.delay = 0.5
    writer = writing(store, queue=SightingQueue(max_items=10))
    started = time.perf_counter()

    for number in range(100):
        writer.put(sighting(message=f"m{chr(97 + number)}"))

    assert time.perf_counter() - started < 0.25
    status = writer.status()
    assert {"full": 90} == status.dropped
    assert balanced(writer)
    assert writer.flush(10)
    assert writer.close(2)


def test_nb_7_a_hundred_thousand_events_into_a_black_hole(store: ToldStore) -> None:
    """NB-7: at most 1,000 items and 8 MiB wait; afterwards the balance is exact."""
    swallows = threading.Event()
    store.refuses = lambda entry: not swallows.wait(60)
    writer = writing(store)
    items = size = 0

    for number in range(100_000):
        text = "x" * 20_000 if number % 100 == 0 else ""
        writer.put(Sighting(event="lost", level="error", message=f"m{number} {text}"))
        if number % 500 == 0:
            now = writer.status()
            items, size = max(items, now.queued), max(size, now.queued_bytes)
    swallows.set()

    assert writer.flush(30)
    status = writer.status()
    assert (100_000, 0) == (status.accepted, status.queued)
    assert balanced(writer)
    assert status.written == sum(one.repeats for one in store.entries_written)
    assert {"full": 100_000 - status.written} == status.dropped
    assert 0 < items <= MAX_ITEMS
    assert 0 < size <= MAX_BYTES
    assert writer.close(2)


def test_what_the_store_refuses_is_dropped_alone(
    store: ToldStore, writer: Writer
) -> None:
    """The others of its batch are written."""
    store.refuses = lambda entry: entry.message == "bad"

    for text in ("good", "bad", "fine"):
        writer.put(sighting(message=text))

    assert writer.flush(5)
    assert ["good", "fine"] == [one.message for one in store.entries_written]
    assert (2, {"refused": 1}) == (writer.status().written, writer.status().dropped)
    assert balanced(writer)


def test_what_cannot_be_completed_is_counted(store: ToldStore) -> None:
    """NB-4: by us and by the guard."""

    def complete(seen: Any) -> Any:
        raise ValueError("ours")

    writer = Writer(store, complete, KEEP)
    with internal_errors() as errors:
        writer.put(sighting(message="a"))
        assert writer.flush(5)
        writer.close(1)

    assert {"broken": 1} == writer.status().dropped
    assert {"inbox.entry": 1} == errors


def test_a_store_that_raises_anything_is_survived(store: ToldStore) -> None:
    """NB-1: whatever a foreign store does."""
    writer = writing(store)
    with internal_errors() as errors:
        store.failure = RecursionError("odd")
        writer.put(sighting(message="a"))
        assert writer.flush(5)
        store.failure = None
        writer.put(sighting(message="b"))
        assert writer.flush(5)
        writer.close(1)

    assert 1 <= errors["inbox.store"]
    assert (1, {"refused": 1}) == (writer.status().written, writer.status().dropped)


def test_a_thread_that_ends_is_replaced(store: ToldStore) -> None:
    """NB-3: as errors of ours end it under pytest; nothing is unaccounted for."""
    writer = writing(store)
    storms, writer._storms = writer._storms, None  # type: ignore[assignment]
    died = threading.Event()
    before = threading.excepthook
    threading.excepthook = lambda _: died.set()
    try:
        writer.put(sighting(message="a"))
        assert died.wait(5)
    finally:
        threading.excepthook = before

    writer._storms = storms
    writer.put(sighting(message="b"))

    assert writer.flush(5)
    assert (1, {"broken": 1}) == (writer.status().written, writer.status().dropped)
    assert balanced(writer)
    writer.close(1)


def test_shutdown_has_one_deadline(store: ToldStore) -> None:
    """NB-8: honest about what is left, and in time."""
    store.failure = StoreError("down")
    writer = writing(store)
    writer.put(sighting(message="a"))
    started = time.monotonic()

    delivered = writer.close(0.5)

    assert not delivered
    assert time.monotonic() - started < 1.0
    assert not writer.put(sighting(message="b"))
    assert 1 <= writer.status().dropped["shutdown"]
    assert balanced(writer)


def test_shutdown_writes_what_waits(store: ToldStore) -> None:
    """At once: it does not linger."""
    writer = writing(store)
    writer.put(sighting(message="a"))

    assert writer.close(5)
    assert 1 == len(store.entries_written)


def test_an_application_starts_again(store: ToldStore) -> None:
    """In one process, as test-suites do."""
    writer = writing(store)
    writer.put(sighting(message="a"))
    writer.close(5)
    writer.reopen()

    writer.put(sighting(message="b"))

    assert writer.flush(5)
    assert ["a", "b"] == [one.message for one in store.entries_written]
    writer.close(1)


def test_changes_are_told(store: ToldStore) -> None:
    """New, reopened, and storms; a listener that raises does no harm."""
    heard: list[str] = []

    def hear(changes: list[Change]) -> None:
        heard.extend(one.what for one in changes)
        raise ValueError("listener")

    writer = writing(store, on_changes=hear)
    error = raised(ValueError("x"))
    with internal_errors():
        for _ in range(200):
            writer.put(sighting(error))
        assert writer.flush(5)
        writer.close(1)

    # In one batch, or in two if the writer wakes up half-way.
    assert {"storm"} == set(heard)
    assert 200 == writer.status().written
    assert len(store.entries_written) <= 2


def test_sec_10_a_storm_is_one_row_and_a_counter(
    store: ToldStore, writer: Writer
) -> None:
    """SEC-10: 10⁴ identical errors, every one of them counted."""
    error = raised(ValueError("x"))

    for _ in range(10_000):
        assert writer.put(sighting(error))

    assert writer.flush(10)
    written = store.entries_written
    assert {written[0].id} == {one.id for one in written}
    assert 10_000 == sum(one.repeats for one in written) == writer.status().written


def test_a_fork_begins_anew(store: ToldStore, writer: Writer) -> None:
    """NB-9: the child writes its own, and nothing of the parent's."""
    store.failure = StoreError("down")
    writer.put(sighting(message="parent"))
    assert not writer.flush(0.3)
    reading, writing_end = os.pipe()

    child = os.fork()
    if child == 0:
        try:
            store.failure = None
            writer.put(sighting(message="child"))
            delivered = writer.flush(5)
            texts = [one.message for one in store.entries_written]
            os.write(writing_end, f"{delivered} {texts}".encode())
        finally:
            os._exit(0)
    os.close(writing_end)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)

    store.failure = None
    assert writer.flush(5)
    assert "True ['child']" == said
    assert ["parent"] == [one.message for one in store.entries_written]

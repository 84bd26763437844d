"""The queue: bounded by items and bytes, its balance exact."""

from __future__ import annotations

import threading

from steadfastapi.inbox.capture import Sighting
from steadfastapi.inbox.queue import FOLD_AFTER, SightingQueue


def message(text: str, **facts: object) -> Sighting:
    """Return a sighting of a message."""
    return Sighting(event="message", level="error", message=text, **facts)  # type: ignore[arg-type]


def balance(queue: SightingQueue) -> int:
    """Return what is unaccounted for."""
    counts = queue.counts()
    dropped = sum(counts.dropped.values())
    return counts.accepted - counts.written - dropped - counts.queued


def test_nb_7_items_are_bounded() -> None:
    """NB-7: at most so many wait; the others are counted as dropped."""
    queue = SightingQueue(max_items=3)

    answers = [queue.put(message(str(number))) for number in range(5)]

    assert [True, True, True, False, False] == answers
    assert (5, 0, {"full": 2}, 3) == queue.counts()[:4]


def test_nb_7_bytes_are_bounded() -> None:
    """NB-7: a few huge ones are as many as a thousand small ones."""
    queue = SightingQueue(max_bytes=10_000)

    answers = [queue.put(message(str(number) * 4_000)) for number in range(3)]

    assert [True, False, False] == answers
    assert 0 < queue.counts().bytes <= 10_000


def test_what_is_on_its_way_counts() -> None:
    """A store that hangs must not empty the bound."""
    queue = SightingQueue(max_items=2)
    queue.put(message("a"))
    queue.put(message("b"))

    taken = queue.take()
    refused = queue.put(message("c"))

    assert (2, False, 2) == (len(taken), refused, queue.queued)
    queue.done(written=2)
    assert queue.put(message("c"))
    assert 0 == balance(queue)


def test_sec_10_identical_ones_are_folded() -> None:
    """SEC-10: beyond the first ones they are a number on the last."""
    queue = SightingQueue()
    total = FOLD_AFTER + 500

    for number in range(total):
        queue.put(
            message("same", request={"id": str(number)}, fields={"user_id": number % 3})
        )

    taken = queue.take()
    assert (FOLD_AFTER, total) == (len(taken), sum(seen.repeats for seen in taken))
    assert ["20", "21"] == taken[-1].also[:2]
    assert 20 == len(taken[-1].also)
    assert {"0", "1", "2"} == set(taken[-1].users)
    assert 0 == balance(queue)


def test_different_ones_are_not() -> None:
    """Another message, event, level or status is another thing."""
    queue = SightingQueue()

    for number in range(100):
        queue.put(message(f"other {number}"))

    assert 100 == len(queue.take())


def test_exact_queues_compare_messages() -> None:
    """Where a fingerprint of the application's own may read them."""
    for exact, expected in ((True, 60), (False, FOLD_AFTER)):
        queue = SightingQueue(exact=exact)
        for number in range(60):
            queue.put(message(f"n {number}", template="n"))
        assert expected == len(queue.take())


def test_it_says_when_something_waits() -> None:
    """To the writer, which waits for it."""
    queue = SightingQueue()
    assert not queue.wait(0)

    queue.put(message("a"))
    queue.put(message("b"))
    assert queue.wait(5)

    queue.take()
    assert not queue.wait(0)
    queue.put(message("c"))
    assert queue.wait(5)


def test_it_can_be_woken() -> None:
    """Though nothing waits: the application ends."""
    queue = SightingQueue()

    queue.wake()

    assert not queue.wait(60)


def test_it_may_be_entered_again_by_the_same_thread() -> None:
    """The garbage collector finds lost tasks wherever it happens to run."""
    queue = SightingQueue()

    class Finding:
        def __str__(self) -> str:
            queue.put(message("of a lost task"))
            return "ada"

    for _ in range(FOLD_AFTER + 2):
        queue.put(message("same", fields={"user_id": Finding()}))

    assert FOLD_AFTER + 2 == len(queue.take())
    assert FOLD_AFTER + 4 == queue.queued


def test_forgetting_empties_it() -> None:
    """In a forked child, whose parent writes what waited."""
    queue = SightingQueue()
    queue.put(message("a"))

    queue.forget()

    assert (0, 0, {}, 0, 0) == queue.counts()
    assert [] == queue.take()


def test_inbox_2_many_threads_keep_the_balance() -> None:
    """INBOX-2: accepted = written + dropped + queued, exactly."""
    queue = SightingQueue(max_items=50)
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            taken = queue.take()
            queue.done(written=sum(seen.repeats for seen in taken))

    def put() -> None:
        for number in range(2_000):
            queue.put(message(str(number % 70)))

    writer = threading.Thread(target=write)
    writer.start()
    producers = [threading.Thread(target=put) for _ in range(4)]
    for producer in producers:
        producer.start()
    for producer in producers:
        producer.join()
    stop.set()
    writer.join()

    assert 8_000 == queue.counts().accepted
    assert 0 == balance(queue)

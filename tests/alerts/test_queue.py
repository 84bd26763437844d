"""What waits is bounded, and counted."""

from __future__ import annotations

import pytest

from steadfastapi.alerts import queue
from steadfastapi.alerts.case import Pace
from steadfastapi.alerts.queue import MAX_BYTES, MAX_CASES, Queue
from steadfastapi.alerts.tally import Tally
from support.alerts import opened, resolved


@pytest.fixture
def tally() -> Tally:
    """Counts of nobody."""
    return Tally("somebody")


@pytest.fixture
def waiting(tally: Tally) -> Queue:
    """An empty queue."""
    return Queue(Pace(settle=15, every=60), tally)


def tell_next(waiting: Queue, now: float) -> str:
    """Tell what is first, and return its key."""
    case = waiting.next(now)
    assert case is not None
    alert = case.begin()
    assert alert is not None
    waiting.done(case, alert, now)
    return alert.key


def test_nb_7_items_are_bounded(waiting: Queue, tally: Tally) -> None:
    """Of those that all wait, the newest has no room."""
    for number in range(MAX_CASES + 5):
        waiting.put(opened(f"probe:{number}"), 0.0, quiet=False)

    assert MAX_CASES == waiting.waiting
    assert {"full": 5} == tally.dropped


def test_nb_7_bytes_are_bounded(waiting: Queue, tally: Tally) -> None:
    """That something is over finds room, without its details."""
    text = "€" * 4096
    for number in range(900):
        waiting.put(opened(f"probe:{number}", text=text), 0.0, quiet=False)
    room = waiting.waiting
    waiting.put(resolved("probe:0", text=text * 2), 1.0, quiet=False)

    assert room == MAX_BYTES // opened("probe:100", text=text).size
    assert 900 - room == tally.dropped["full"]
    assert 1 == tally.dropped["superseded"]


def test_what_is_known_makes_room(waiting: Queue, tally: Tally) -> None:
    """What is over first, then what has been open for longest."""
    for number in range(MAX_CASES):
        waiting.put(opened(f"probe:{number}"), 0.0, quiet=False)
    told = [tell_next(waiting, 1.0) for _ in range(3)]
    waiting.put(resolved("probe:1"), 2.0, quiet=False)
    assert ["probe:0", "probe:1", "probe:2"] == told
    assert "probe:1" in [tell_next(waiting, 20.0) for _ in range(MAX_CASES - 2)]
    waiting.put(opened("probe:new"), 100.0, quiet=False)
    waiting.put(opened("probe:newer"), 100.0, quiet=False)

    assert {} == tally.dropped
    assert ["probe:new", "probe:newer"] == [tell_next(waiting, 100.0) for _ in "12"]
    # The oldest of the open ones was forgotten: it would be told again.
    waiting.put(opened("probe:0"), 101.0, quiet=False)
    assert "probe:0" == tell_next(waiting, 101.0)


def test_a_newer_state_takes_the_place(waiting: Queue, tally: Tally) -> None:
    """One message for each key."""
    waiting.put(opened(text="first"), 0.0, quiet=False)
    waiting.put(opened(text="second"), 0.1, quiet=False)
    case = waiting.next(1.0)

    assert case is not None
    assert case.newest is not None
    assert "second" == case.newest.text
    assert {"superseded": 1} == tally.dropped
    assert 1 == waiting.waiting


def test_a_failed_one_goes_behind_the_others(waiting: Queue) -> None:
    """What a system cannot read holds nothing up."""
    waiting.put(opened("probe:1"), 0.0, quiet=False)
    waiting.put(opened("probe:2"), 0.1, quiet=False)
    case = waiting.next(1.0)
    assert case is not None
    case.begin()

    assert waiting.failed(case, 1.0)
    assert "probe:2" == tell_next(waiting, 2.0)
    assert "probe:1" == tell_next(waiting, 2.0)


def test_bytes_are_given_back(
    waiting: Queue, monkeypatch: pytest.MonkeyPatch, tally: Tally
) -> None:
    """Whatever becomes of an alert."""
    monkeypatch.setattr(queue, "MAX_BYTES", 2 * opened().size)
    for number in range(50):
        waiting.put(opened(), number * 100.0, quiet=False)
        tell_next(waiting, number * 100.0)
        waiting.put(resolved(), number * 100.0 + 1, quiet=False)
        waiting.put(resolved(), number * 100.0 + 2, quiet=False)
        tell_next(waiting, number * 100.0 + 50)

    assert 0 == waiting._bytes
    assert 0 == tally.dropped["full"]
    waiting.put(opened(), 9_999.0, quiet=False)
    assert 1 == waiting.clear()
    assert 0 == waiting._bytes

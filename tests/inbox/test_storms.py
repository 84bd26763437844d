"""Storms: one row, one counter."""

from __future__ import annotations

from steadfastapi.inbox.storms import CALM_AFTER, ROW_LASTS, STORM_SIZE, Storms
from support.inbox import entry, issue_id


class Clock:
    """Stands still until it is moved."""

    now = 1_000.0

    def __call__(self) -> float:
        """Return its time."""
        return self.now


def test_a_few_keep_their_rows() -> None:
    """Each with its own request."""
    entries = [entry() for _ in range(STORM_SIZE)]

    assert (entries, set()) == Storms().fold(entries)


def test_a_storm_is_one_row() -> None:
    """With all repeats, some requests and every user of it."""
    entries = [entry(user=f"u{number}") for number in range(STORM_SIZE + 5)]

    kept, begun = Storms().fold([*entries, entry("other")])

    assert (2, {issue_id("one")}) == (len(kept), begun)
    assert STORM_SIZE + 5 == kept[0].repeats
    assert [one.request["id"] for one in entries[1:21]] == list(kept[0].also)
    assert {one.user for one in entries[1:]} == set(kept[0].users)
    assert entries[-1].at == kept[0].last_at


def test_repeats_make_a_storm_too() -> None:
    """The queue has folded before."""
    kept, begun = Storms().fold([entry(repeats=500), entry()])

    assert (1, 501, 1) == (len(kept), kept[0].repeats, len(begun))


def test_a_storm_goes_on_in_its_row() -> None:
    """Until it is calm; it begins once."""
    clock = Clock()
    storms = Storms(clock)

    first, begun = storms.fold([entry(repeats=100)])
    clock.now += 1
    second, again = storms.fold([entry(), entry()])
    clock.now += CALM_AFTER
    third, _ = storms.fold([entry(), entry()])

    assert ({issue_id("one")}, set()) == (begun, again)
    assert [first[0].id] == [one.id for one in second]
    assert 2 == second[0].repeats
    assert 2 == len(third)


def test_a_long_storm_has_a_row_now_and_then() -> None:
    """So that its latest request can be looked at; it is no new storm."""
    clock = Clock()
    storms = Storms(clock)
    rows = set()
    starts = 0

    for _ in range(100):
        kept, begun = storms.fold([entry(repeats=100)])
        rows.add(kept[0].id)
        starts += len(begun)
        clock.now += ROW_LASTS / 50

    assert (2, 1) == (len(rows), starts)

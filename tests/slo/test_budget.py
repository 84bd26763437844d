"""The error budget of this process."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadfastapi.slo.budget import DAY, HOUR, MINUTE, Budget, BudgetStatus, Ring
from support.slo import AVAILABILITY

START = 1_000_000.0


def counted(good: int, bad: int) -> Budget:
    """Return a budget after so many events."""
    budget = Budget(AVAILABILITY)
    budget.good, budget.bad = good, bad
    return budget


def test_a_budget_starts_whole() -> None:
    """Nobody has broken a promise yet."""
    expected = BudgetStatus(
        name="availability",
        kind="availability",
        objective=99.9,
        good=0,
        bad=0,
        budget_remaining=1.0,
        burn_rate=0.0,
        window=30 * DAY,
    )
    assert expected == Budget(AVAILABILITY).status(START)


def test_bad_events_use_it_up() -> None:
    """Two of a thousand are twice what 99.9 % allows, and burn at that rate."""
    status = counted(998, 2).status(START)

    assert (998, 2) == (status.good, status.bad)
    assert pytest.approx(-1.0) == status.budget_remaining
    assert pytest.approx(2.0) == status.burn_rate


def test_the_burn_rate_looks_at_the_last_hour() -> None:
    """What happened before is still missing from the budget."""
    budget = counted(998, 2)
    budget.take_over(START)
    budget.good = 1_000

    status = budget.status(START + HOUR + MINUTE)

    assert 0.0 == status.burn_rate
    assert pytest.approx(0.0) == status.budget_remaining


def test_the_window_moves_on() -> None:
    """After thirty days and an hour, nothing is held against anybody."""
    budget = counted(0, 10)
    budget.take_over(START)

    inside = budget.status(START + 30 * DAY - HOUR)
    outside = budget.status(START + 30 * DAY + HOUR)

    assert (10, 0) == (inside.bad, outside.bad)


def test_events_are_counted_from_any_thread() -> None:
    """Not one is lost."""
    budget = Budget(AVAILABILITY)

    def count() -> None:
        for _ in range(500):
            budget.book(START, good=False)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 2_000 == budget.status(START).bad


@given(
    st.lists(
        st.tuples(
            st.floats(0, 50, allow_nan=False), st.integers(0, 9), st.integers(0, 9)
        ),
        max_size=30,
    )
)
def test_a_ring_holds_what_happened_in_its_stretches(
    events: list[tuple[float, int, int]],
) -> None:
    """However long the pauses are, as a plain list would tell it."""
    ring, now = Ring(10.0, 4), START
    seen: list[tuple[int, int, int]] = []
    for pause, good, bad in events:
        now += pause
        ring.add(now, good, bad)
        seen.append((int(now // 10), good, bad))

    kept = [(good, bad) for turn, good, bad in seen if turn > int(now // 10) - 4]
    expected = (sum(good for good, _ in kept), sum(bad for _, bad in kept))
    assert expected == ring.totals(now)


def test_a_clock_that_goes_back_loses_nothing() -> None:
    """Threads may ask in another order than they looked at the clock."""
    ring = Ring(10.0, 4)
    ring.add(START + 20, 1, 0)
    ring.add(START, 1, 0)

    assert (2, 0) == ring.totals(START + 20)

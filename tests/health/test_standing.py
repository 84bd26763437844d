"""When a state changes."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadfastapi.health.model import ProbeStatus
from steadfastapi.health.standing import Standing, is_worth_telling

H, D, U, N = (
    ProbeStatus.HEALTHY,
    ProbeStatus.DEGRADED,
    ProbeStatus.UNHEALTHY,
    ProbeStatus.NO_DATA,
)
START = datetime(2026, 1, 1, tzinfo=UTC)


def states(results: list[ProbeStatus], fail: int = 2, recover: int = 2) -> str:
    """Return the state after each result, by first letters."""
    standing = Standing(fail_after=fail, recover_after=recover)
    letters = []
    for number, result in enumerate(results):
        standing.take(result, START + timedelta(seconds=number))
        letters.append(standing.status[0])
    return "".join(letters)


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ([H, U, H, U, H], "hhhhh"),
        ([H, U, U, U], "hhuu"),
        ([U], "u"),
        ([U, H, U, H], "uuuu"),
        ([U, H, H], "uuh"),
        ([H, D, D], "hhd"),
        ([H, U, D], "hhd"),
        ([U, D, D, H, H], "uudDh".lower()),
        ([H, N, U], "hnu"),
        ([U, N, N], "unn"),
    ],
)
def test_a_state_changes_after_two_results_in_a_row(
    results: list[ProbeStatus], expected: str
) -> None:
    """The first result decides at once, and so does the end of all data."""
    assert expected == states(results)


def test_one_is_enough_where_it_is_asked_for() -> None:
    """Then every result is the state."""
    assert "huhu" == states([H, U, H, U], fail=1, recover=1)


def test_the_circuit_is_counted() -> None:
    """Failures in a row, and how often it tripped."""
    standing = Standing(fail_after=2, recover_after=1)
    for number, result in enumerate([H, U, U, H, U, U, U]):
        standing.take(result, START + timedelta(seconds=number))

    assert (True, 3, 2) == (
        standing.is_open,
        standing.consecutive_failures,
        standing.trips,
    )
    assert START + timedelta(seconds=5) == standing.since


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [(N, H, False), (H, N, False), (N, U, True), (U, N, True), (H, D, True)],
)
def test_signs_of_life_are_no_news(
    before: ProbeStatus, after: ProbeStatus, *, told: bool
) -> None:
    """A state change is told where the severity changed."""
    assert told == is_worth_telling(before, after)


@given(
    st.lists(st.sampled_from([H, D, U]), max_size=40),
    st.integers(1, 4),
    st.integers(1, 4),
)
def test_a_state_is_always_one_that_was_seen(
    results: list[ProbeStatus], fail: int, recover: int
) -> None:
    """And as many equal results in a row always win."""
    seen = states(results, fail, recover)
    for end in range(len(results)):
        tail = results[max(0, end - max(fail, recover) + 1) : end + 1]
        if len(set(tail)) == 1 and len(tail) >= max(fail, recover):
            assert seen[end] == tail[0][0]
        assert seen[end] in "".join(result[0] for result in results[: end + 1])

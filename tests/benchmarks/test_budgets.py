"""A bound fails the run, a goal is only named; what is shown beside judges nothing."""

from __future__ import annotations

import dataclasses

import pytest

from benchmarks import budgets
from benchmarks.budgets import Budget
from benchmarks.load import Throughput
from benchmarks.summary import PerRequest

ADDED = PerRequest(
    composition="steadfast",
    routes=1,
    median=240.0,
    iqr=4.0,
    best=235.0,
    fastest=220.0,
    added=150.0,
    of_usual=0.21,
    of_usual_sentry=0.15,
    growth=None,
    calls=330.0,
)
RATE = Throughput(
    composition="steadfast",
    workers=1,
    rate=4_000.0,
    lowest=3_900.0,
    highest=4_100.0,
    p50=4.0,
    p99=9.0,
    of_bare=0.45,
    of_usual=4.5,
    of_usual_sentry=3.9,
)


def test_the_time_is_bounded_against_five_tools_and_against_four() -> None:
    """Everything on has Sentry, so the goal is for those who have it too."""
    judged, other = budgets.check([ADDED], [], [], [])

    assert (0.15, 0.20, 0.12, True) == (
        judged.measured,
        judged.bound,
        judged.goal,
        judged.judged,
    )
    assert (True, False) == (judged.kept, judged.reached)
    assert (0.21, 0.20, None) == (other.measured, other.bound, other.goal)
    assert (True, False) == (other.judged, other.kept)


@pytest.mark.parametrize(("share", "kept"), [(0.20, True), (0.201, False)])
def test_a_bound_is_exceeded_by_more_than_it(share: float, kept: bool) -> None:
    """Equal is within."""
    row = dataclasses.replace(ADDED, of_usual_sentry=share)

    assert kept == budgets.check([row], [], [], [])[0].kept


def test_more_requests_are_better() -> None:
    """Throughput has a least bound, and against bare FastAPI only a goal."""
    usual, beside, bare = budgets.check([], [], [], [RATE])

    assert (False, True) == (usual.kept, usual.reached)
    assert (True, True) == (beside.kept, beside.reached)
    assert (None, True, False) == (bare.bound, bare.kept, bare.reached)


def test_only_steadfastapi_has_budgets() -> None:
    """And only with one worker; the others are measured."""
    other = dataclasses.replace(ADDED, composition="usual")
    four = dataclasses.replace(RATE, workers=4)

    assert [] == budgets.check([other], [], [], [four])


def test_what_is_not_judged_is_always_kept() -> None:
    """It changes neither the exit status nor the README."""
    shown = Budget(what="x", measured=9, bound=1, goal=0.5, unit="×", judged=False)

    assert (True, True) == (shown.kept, shown.reached)

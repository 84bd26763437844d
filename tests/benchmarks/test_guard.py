"""A request does not become more expensive unnoticed: counted, never timed.

The compositions are counted in the same run, so that neither the machine nor the
versions of what they share matter.
"""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from benchmarks import instructions
from benchmarks.compositions import BARE, STEADFAST, USUAL_SENTRY
from benchmarks.measure import worker
from support.services import require

REQUESTS, BATCHES = 50, 15
CALLS_OF_USUAL = {1: 0.095, 200: 0.025}
"""Function calls that steadfastapi adds, of those that the usual composition adds, by
routes: a fifth more than when this was written. Fewer are better: lower it then."""
INSTRUCTIONS_OF_USUAL = 0.115
"""The same of instructions, with one route."""


def _calls(name: str, routes: int) -> float:
    with worker(name, routes) as one:
        one.startup()
        one.ask(serve=REQUESTS)
        calls: float = one.ask(count=BATCHES)["calls"]
        return calls


@pytest.mark.timeout(300)  # three processes start, on a machine that may be busy
@pytest.mark.proof
@pytest.mark.parametrize("routes", [1, 200])
def test_calls_stay_a_small_share_of_the_usual(routes: int) -> None:
    """With everything on, Sentry on both sides, by one route and by two hundred."""
    bare, usual, ours = (
        _calls(name, routes) for name in (BARE, USUAL_SENTRY, STEADFAST)
    )
    share = (ours - bare) / (usual - bare)

    assert share == min(share, CALLS_OF_USUAL[routes]), (bare, usual, ours)


@pytest.mark.proof
@pytest.mark.timeout(1_800)
def test_instructions_stay_a_small_share_of_the_usual() -> None:
    """By Valgrind, which sees what C code does, too."""
    require("valgrind", not instructions.missing())
    rows = instructions.measure([USUAL_SENTRY, STEADFAST], [1], print)
    (ours,) = (row for row in rows if row.composition == STEADFAST)

    assert ours.of_usual_sentry is not None
    assert ours.of_usual_sentry == min(ours.of_usual_sentry, INSTRUCTIONS_OF_USUAL)


def test_what_happens_to_be_installed_is_hidden() -> None:
    """Sentry's SDK imports every client it finds; none is charged to its start."""
    require("the package httpx", find_spec("httpx"))
    with worker(USUAL_SENTRY, 1) as one:
        one.startup()

        assert [] == one.ask(imported=["httpx", "sqlalchemy", "celery"])["imported"]

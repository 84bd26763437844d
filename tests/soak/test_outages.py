"""NB-6: 5 backends × 7 faults under load, and the application does not notice."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from support import outage_report
from support.outage_backends import FAULTS
from support.outage_cells import PATHS, balance, is_even
from support.outage_load import Failing, ask_around
from support.outage_matrix import Matrix
from support.outage_stores import BACKENDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.outage_cells import Cell

ATTEMPTS = 3
"""Others may need the machine: a bound of time holds if it does in one of them."""
AT_ONCE = ("refused", "500", "reset", "429", "trickle")
"""A fault for each backend; those that nobody waits for at a timeout."""

REST = 10.0
"""Seconds in which everything is delivered where nothing is broken."""
measured: list[Cell] = []
"""What the summary shows."""


def cells() -> Iterator[Any]:
    """Yield the 35 cells, and which of them fall short."""
    for kind in BACKENDS:
        for fault in FAULTS:
            name = f"{kind.name}-{fault}"
            yield pytest.param(kind.name, fault, id=name)


@pytest.fixture(scope="module")
def matrix() -> Iterator[Matrix]:
    """One application for all cells, warm, and the file at the end."""
    with Matrix() as started:
        started.warm(5)
        yield started
    if measured:
        outage_report.write(measured)


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("backend", "fault"), list(cells()))
def test_nb_6_an_outage_does_not_reach_the_request(
    matrix: Matrix, backend: str, fault: str
) -> None:
    """No wrong answer, every bound of time, and everything accepted has one end."""
    for _ in range(ATTEMPTS):
        cell = matrix.run(backend, fault)
        broken = outage_report.broken_promises(cell)
        slow = outage_report.slowness(cell)
        if broken or not slow:
            break
    measured.append(cell)

    assert [] == broken
    assert [] == slow


@pytest.mark.proof
def test_nb_6_everything_fails_at_once() -> None:
    """Each backend in a way of its own: all answers as ever, and an exact balance."""
    with Matrix() as matrix:
        at_first = matrix.settle(REST)
        with Failing(matrix.server) as failing:
            rounds = [ask_around(matrix.server, PATHS, 0.5)]
            for backend, fault in zip(matrix.backends.values(), AT_ONCE, strict=True):
                backend.fail(fault)
            rounds.append(ask_around(matrix.server, PATHS, 2.0))
            for backend in matrix.backends.values():
                backend.repair()
            repaired = time.monotonic()
            back = {
                name: matrix.recovery(backend, failing, repaired)
                for name, backend in matrix.backends.items()
            }
            rounds.append(ask_around(matrix.server, PATHS, 0.5))
        at_last = matrix.settle(REST)
        balances = [balance(name, at_first, at_last) for name in matrix.backends]

    assert ([0, 0, 0], 0) == ([one.wrong for one in rounds], failing.wrong)
    assert [] == [name for name, seconds in back.items() if seconds is None]
    sinks = {sink: counts for one in balances for sink, counts in one.items()}
    assert {} == {sink: one for sink, one in sinks.items() if not is_even(one)}
    assert len(failing.sent) == sinks["sentry"]["accepted"]
    # Lines that say what is down are errors too.
    assert len(failing.sent) <= sinks["inbox"]["accepted"]

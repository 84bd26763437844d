"""Counts that reach whoever listens, and cost nothing where nobody does."""

from typing import Any

from steadfastapi._counts import MAX_DECLARED, Counts
from steadfastapi.signals import CIRCUIT_BREAKER_STATE, RETRY_ATTEMPTS, Family
from steadfastapi.testing import internal_errors

Heard = list[tuple[str, tuple[str, ...], float]]


class Listener:
    """Remembers what it hears."""

    def __init__(self) -> None:
        self.heard: Heard = []

    def __call__(self, family: Family, labels: tuple[str, ...], value: float) -> None:
        """Remember."""
        self.heard.append((family.name, labels, value))


def test_listeners_hear_of_events_until_they_leave() -> None:
    """Each of them, and of none before."""
    counts, first, second = Counts(), Listener(), Listener()
    counts.add(RETRY_ATTEMPTS, "db", "f", "ok")
    leave = counts.subscribe(first)
    counts.subscribe(second)
    counts.add(RETRY_ATTEMPTS, "db", "f", "ok")
    leave()
    leave()
    counts.add(RETRY_ATTEMPTS, "db", "f", "fail")
    event = ("retry_attempts", ("db", "f", "ok"), 1.0)
    assert [event] == first.heard
    assert [event, ("retry_attempts", ("db", "f", "fail"), 1.0)] == second.heard


def test_a_late_listener_hears_of_gauges_and_declared_series() -> None:
    """The last value of each, so that a first rise is a rise."""
    counts, late = Counts(), Listener()
    counts.declare(RETRY_ATTEMPTS, "db", "f", "ok")
    counts.set(CIRCUIT_BREAKER_STATE, 1.0, "b")
    counts.set(CIRCUIT_BREAKER_STATE, 2.0, "b")
    counts.subscribe(late)
    assert [
        ("retry_attempts", ("db", "f", "ok"), 0.0),
        ("circuit_breaker_state", ("b",), 2.0),
    ] == late.heard


def test_a_listener_that_fails_harms_nobody() -> None:
    """The others hear; the failure is counted."""
    counts, well = Counts(), Listener()

    def broken(*_: Any) -> None:
        raise OSError

    with internal_errors() as errors:
        counts.subscribe(broken)
        counts.subscribe(well)
        counts.add(RETRY_ATTEMPTS, "db", "f", "ok")
        counts.set(CIRCUIT_BREAKER_STATE, 2.0, "b")
    assert (2, {"counts": 2}) == (len(well.heard), dict(errors))


def test_what_is_remembered_is_bounded() -> None:
    """Functions that are decorated in a loop do not fill the memory."""
    counts, late = Counts(), Listener()
    for number in range(MAX_DECLARED + 10):
        counts.declare(CIRCUIT_BREAKER_STATE, str(number))
    counts.subscribe(late)
    assert MAX_DECLARED == len(late.heard)

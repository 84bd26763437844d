"""When people are told, by a clock of the test's own."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from steadfastapi.alerts.case import Case, Pace
from support.alerts import opened, resolved

if TYPE_CHECKING:
    from steadfastapi.alerts import Alert

PACE = Pace(settle=15, every=60)


class Told:
    """A case whose alerts are told whenever they are due."""

    def __init__(self) -> None:
        self.case = Case(PACE)
        self.messages: list[tuple[float, str]] = []

    def at(
        self, now: float, alert: Alert | None = None, *, quiet: bool = False
    ) -> None:
        """Let time pass until `now`, then a state change."""
        while not quiet and self.case.newest and self.case.due <= now:
            due = max(self.case.due, 0.0)
            sent = self.case.begin()
            assert sent is not None
            name = sent.severity if sent.is_open else "resolved"
            self.messages.append((due, name))
            self.case.succeeded(due)
        if alert is not None:
            self.case.update(alert, now, quiet=quiet)
            self.at(now, quiet=quiet)


@pytest.fixture
def told() -> Told:
    """What a person reads, and when."""
    return Told()


def test_flare_9_an_alert_is_told_at_once(told: Told) -> None:
    """On a clock that starts at 0, too."""
    told.at(0.0, opened())

    assert [(0.0, "error")] == told.messages


def test_what_is_over_is_told_when_it_has_been_for_a_while(told: Told) -> None:
    """Counted from the moment that it was over, not from the last one to say so."""
    told.at(0.0, opened())
    told.at(10.0, resolved())
    told.at(20.0, resolved())
    told.at(24.9)
    assert [(0.0, "error")] == told.messages
    told.at(30.0)

    assert [(0.0, "error"), (25.0, "resolved")] == told.messages
    assert not told.case.is_over(59.0)
    assert told.case.is_over(60.0)


@pytest.mark.parametrize("seed", range(5))
def test_hc_10_a_thousand_flaps_a_minute(told: Told, seed: int) -> None:
    """At most one open and one resolve, however they are spread."""
    chance = random.Random(seed)
    for moment in sorted(chance.uniform(0, 59.9) for _ in range(1_000)):
        told.at(moment, opened())
        told.at(moment + 0.01, resolved())
    told.at(59.99)
    states = [name for _, name in told.messages]
    assert states in (["error"], ["error", "resolved"])
    told.at(1_000.0)

    assert "resolved" == told.messages[-1][1]


def test_hc_10_slow_flaps_open_once_a_minute(told: Told) -> None:
    """What comes back within the minute waits until that is over."""
    for start in range(0, 120, 20):
        told.at(start, opened())
        told.at(start + 2, resolved())
    told.at(500.0)
    opens = [moment for moment, name in told.messages if name == "error"]

    assert [0.0, 60.0] == opens[:2]
    assert [] == [1 for one, other in pairwise(opens) if other < one + 60]
    assert "resolved" == told.messages[-1][1]


def test_what_is_held_back_and_over_is_never_told(told: Told) -> None:
    """Nobody was told that it came back."""
    told.at(0.0, opened())
    told.at(1.0, resolved())
    told.at(20.0, opened())
    told.at(21.0, resolved())
    told.at(500.0)

    assert [(0.0, "error"), (16.0, "resolved")] == told.messages


def test_worse_is_told_when_it_lasts(told: Told) -> None:
    """Better is not, until it is over."""
    told.at(0.0, opened(severity="warning"))
    told.at(1.0, opened(severity="critical"))
    told.at(2.0, opened(severity="warning"))
    told.at(3.0, opened(severity="critical"))
    told.at(30.0, opened(severity="warning"))
    told.at(100.0, resolved())
    told.at(200.0)

    assert [(0.0, "warning"), (18.0, "critical"), (115.0, "resolved")] == told.messages


def test_an_end_without_a_beginning_is_told(told: Told) -> None:
    """A process before this one has told the beginning."""
    told.at(0.0, resolved())
    told.at(100.0)

    assert [(15.0, "resolved")] == told.messages


def test_what_begins_and_ends_in_maintenance_is_never_told(told: Told) -> None:
    """What was told before has an end, when maintenance has."""
    told.at(0.0, opened())
    told.at(10.0, resolved(), quiet=True)
    told.at(100.0, opened(), quiet=True)
    told.at(101.0, resolved(), quiet=True)
    told.at(200.0)
    assert ["error", "resolved"] == [name for _, name in told.messages]
    told.at(300.0, opened(), quiet=True)
    told.at(301.0, resolved(), quiet=True)
    told.at(500.0)

    assert 2 == len(told.messages)


def test_nobody_knows_whether_a_failed_message_arrived() -> None:
    """So what is over is told, and what is open is told again."""
    case = Case(PACE)
    case.update(opened(), 0.0, quiet=False)
    case.begin()
    assert case.failed(1.0)
    assert case.update(resolved(), 2.0, quiet=False)
    assert 17.0 == case.due
    case.begin()
    assert case.failed(18.0)

    assert case.update(opened(), 19.0, quiet=False)
    assert case.due <= 19.0


def test_what_may_be_thought_to_be_over_is_told_to_be_open() -> None:
    """The message that it is over may have arrived, although it failed."""
    case = Case(PACE)
    case.update(opened(), 0.0, quiet=False)
    case.begin()
    case.succeeded(0.0)
    case.update(resolved(), 100.0, quiet=False)
    case.begin()
    assert case.failed(116.0)

    assert case.update(opened(), 117.0, quiet=False)
    assert case.due <= 117.0


def test_a_change_while_a_message_is_under_way_counts() -> None:
    """From the state that the message tells."""
    case = Case(PACE)
    case.update(opened(), 0.0, quiet=False)
    case.begin()
    assert case.update(resolved(), 0.1, quiet=False)
    case.succeeded(0.2)
    assert 15.1 == case.due
    case.begin()
    assert case.update(opened(), 15.2, quiet=False)
    case.succeeded(15.3)

    assert case.newest is not None
    assert 60.2 == case.due


def test_what_is_said_twice_is_told_once() -> None:
    """Also when the second time is while the first is being told."""
    case = Case(PACE)
    case.update(resolved(), 0.0, quiet=False)
    case.begin()
    case.update(resolved(), 15.1, quiet=False)
    case.succeeded(15.2)

    assert case.newest is None
    assert case.is_over(16.0)


def test_what_another_process_tells_is_looked_at_again() -> None:
    """Unless it is something else by then."""
    case = Case(PACE)
    case.update(opened(), 0.0, quiet=False)
    first = case.begin()
    case.update(resolved(), 0.1, quiet=False)
    case.update(opened(), 0.2, quiet=False)
    assert case.denied(30.0)
    assert (first, 30.0, 1) == (case.newest, case.due, case.denials)

    case.begin()
    case.update(resolved(), 31.0, quiet=False)
    assert not case.denied(60.0)
    assert 46.0 == case.due


def test_what_fails_stays_although_it_came_back_meanwhile() -> None:
    """Open, over and open again while the first message is under way."""
    case = Case(PACE)
    case.update(opened(), 0.0, quiet=False)
    first = case.begin()
    case.update(resolved(), 0.1, quiet=False)
    assert not case.update(opened(), 0.2, quiet=False)

    assert case.failed(1.0)
    assert first is case.newest

"""Whatever happens in whatever order: counts agree, and the end is told."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from steadfastapi.alerts.case import Case, Pace
from steadfastapi.alerts.queue import Queue
from steadfastapi.alerts.tally import Tally
from support.alerts import opened, resolved

if TYPE_CHECKING:
    from steadfastapi.alerts.alert import Alert, Severity

PACE = Pace(settle=15, every=60)
SEVERITIES: tuple[Severity, ...] = ("warning", "critical")

STEPS = ("open", "open", "over", "over", "begin", "begin", "end", "end", "quiet")
PAUSES = (0.0, 0.1, 5.0, 20.0, 70.0)


class Desk:
    """A queue, somebody who works it off, and everybody who was told."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.now = 0.0
        self.quiet = False
        self.tally = Tally("desk")
        self.queue = Queue(PACE, self.tally)
        self.case: Case | None = None
        self.alert: Alert | None = None
        self.known: dict[str, bool] = {}
        """Whether people know a key as open."""
        self.truth: dict[str, bool] = {}

    def state(self, key: str, *, is_open: bool) -> None:
        """Something changes, or is said again."""
        severity = self.chance.choice(SEVERITIES)
        make = opened if is_open else resolved
        self.truth[key] = is_open
        self.queue.put(make(key, severity=severity), self.now, quiet=self.quiet)

    def begin(self) -> None:
        """Take what is due, as the thread of a channel does."""
        case = None if self.quiet or self.case else self.queue.next(self.now)
        if case is not None and case.due <= self.now:
            self.case, self.alert = case, case.begin()

    def end(self, *, well: bool = False) -> None:
        """It was told, or not, or another process tells it."""
        case, alert, self.case = self.case, self.alert, None
        if case is None or alert is None:
            return
        how = 0 if well else self.chance.randrange(4)
        if how == 0:
            self.tally.delivered += 1
            self.known[alert.key] = alert.is_open
            self.queue.done(case, alert, self.now)
        elif how == 1:
            # It may have arrived all the same.
            if self.chance.random() < 0.5:
                self.known[alert.key] = alert.is_open
            self.queue.failed(case, self.now)
        elif how == 2:
            if self.queue.failed(case, self.now):
                self.queue.give_up(case)
                self.tally.drop("rejected")
                # Nobody is to blame if people do not know.
                self.known[alert.key] = self.truth[alert.key]
        else:
            self.queue.denied(case, self.now + 30)

    def check(self) -> None:
        """Every alert has one end, and every byte is accounted for."""
        tally, cases = self.tally, self.queue._cases.values()
        ends = tally.delivered + sum(tally.dropped.values()) + self.queue.waiting
        assert tally.accepted == ends
        held = sum(case.newest.size for case in cases if case.newest is not None)
        assert self.queue._bytes == held
        assert [] == [case for case in cases if case.newest and case.due > 1e9]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32))
def test_counts_agree_and_the_end_is_told(seed: int) -> None:
    """When everything works again, people know what is so."""
    chance = random.Random(seed)
    desk = Desk(chance)
    for _ in range(150):
        desk.now += chance.choice(PAUSES)
        step = chance.choice(STEPS)
        if step == "quiet":
            desk.quiet = not desk.quiet
        elif step == "begin":
            desk.begin()
        elif step == "end":
            desk.end()
        else:
            desk.state(f"probe:{chance.randrange(2)}", is_open=step == "open")
        desk.check()

    desk.quiet = False
    for _ in range(20):
        desk.end(well=True)
        desk.now += 100.0
        desk.begin()
        desk.check()

    assert 0 == desk.queue.waiting
    wrong = [
        key
        for key, is_open in desk.truth.items()
        if desk.known.get(key, False) != is_open
    ]
    assert [] == wrong

"""Moving windows in memory."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from steadfastapi.limits.demands import Demand
from steadfastapi.limits.memory import MAX_ENTRIES, MemoryStorage
from steadfastapi.testing import frozen_limits

AMOUNTS = {"a": (3, 2), "b": (5, 7)}
"""Limit and window by bucket."""


class Windows(RuleBasedStateMachine):
    """A storage beside the plainest way to say what it must do."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.storage = MemoryStorage(clock=lambda: self.now)
        self.model: dict[str, list[int]] = {name: [] for name in AMOUNTS}

    @rule(seconds=st.floats(0, 3))
    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += round(seconds * 1_000_000)

    @rule(names=st.sampled_from([["a"], ["b"], ["a", "b"]]), cost=st.integers(1, 4))
    def take(self, names: list[str], cost: int) -> None:
        """Ask both, and compare."""
        demands = [Demand(name, *AMOUNTS[name], cost) for name in names]
        held = [self._inside(name) for name in names]
        expected = all(
            len(times) + cost <= AMOUNTS[name][0]
            for name, times in zip(names, held, strict=True)
        )
        verdict = self.storage.take(demands)

        assert expected == verdict.granted
        for name, standing in zip(names, verdict.standings, strict=True):
            if expected:
                self.model[name] += [self.now] * cost
            left = AMOUNTS[name][0] - len(self._inside(name))
            assert left == standing.remaining
            assert standing.reset >= 0

    @invariant()
    def no_window_is_overfull(self) -> None:
        """Not the one that ends now."""
        for name, (amount, _) in AMOUNTS.items():
            assert len(self._inside(name)) <= amount

    def _inside(self, name: str) -> list[int]:
        window = AMOUNTS[name][1] * 1_000_000
        return [one for one in self.model[name] if one > self.now - window]


TestWindows = Windows.TestCase
TestWindows.settings = settings(max_examples=60, deadline=None)


def test_the_wait_is_until_the_cost_would_be_granted() -> None:
    """Not only until the first entry leaves."""
    now = [0]
    storage = MemoryStorage(clock=lambda: now[0])
    one, three = Demand("a", 3, 60, 1), Demand("a", 3, 60, 3)
    for second in (0, 10, 20):
        now[0] = second * 1_000_000
        storage.take([one])

    assert [40.0, 60.0] == [
        storage.take([demand]).standings[0].wait for demand in (one, three)
    ]


def test_entries_are_bounded_as_keys_are() -> None:
    """A limit of millions does not fill the memory."""
    storage = MemoryStorage()
    for number in range(3):
        storage.take([Demand(str(number), MAX_ENTRIES, 60, MAX_ENTRIES // 2)])

    assert 2 == len(storage)
    assert storage._entries <= MAX_ENTRIES


def test_tests_can_let_time_stand() -> None:
    """And pass as they need it; afterwards it is as before."""
    storage = MemoryStorage()
    demand = Demand("a", 1, 60, 1)
    with frozen_limits() as advance:
        assert storage.take([demand]).granted
        assert 60.0 == storage.take([demand]).standings[0].wait
        advance(59.9)
        assert not storage.take([demand]).granted
        advance(0.1)
        assert storage.take([demand]).granted
        frozen = storage.clock()
        assert frozen == storage.clock()

    assert storage.clock() < frozen

"""The retry budget: a share of the calls of the last seconds, and a few."""

import threading
from typing import Any

import pytest

from steadfastapi import ConfigurationError, RetryBudget
from steadfastapi.retries.budget import default_budget, reset


class Clock:
    """Seconds that pass when told."""

    now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def taken(budget: RetryBudget) -> int:
    """Withdraw whatever there is."""
    count = 0
    while budget.withdraw():
        count += 1
    return count


def test_without_traffic_there_is_the_minimum() -> None:
    """And nothing more until the window has passed."""
    clock = Clock()
    budget = RetryBudget(minimum=3, clock=clock)
    assert 3 == taken(budget)
    clock.now += 8.9
    assert 0 == taken(budget)
    clock.now += 1.1
    assert 3 == taken(budget)


def test_each_call_adds_its_share() -> None:
    """Until it leaves the window."""
    clock = Clock()
    budget = RetryBudget(0.2, minimum=0, clock=clock)
    for _ in range(100):
        budget.deposit()
    assert 20 == budget.balance
    clock.now += 60
    assert (0, 0) == (budget.balance, taken(budget))


def test_threads_share_it_exactly() -> None:
    """No withdrawal is granted twice."""
    budget = RetryBudget(minimum=500)
    granted: list[bool] = []

    def work() -> None:
        granted.extend(budget.withdraw() for _ in range(200))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 500 == sum(granted)


@pytest.mark.parametrize(
    "figures", [{"ratio": 1.1}, {"ratio": -1}, {"minimum": -1}, {"window": 0}]
)
def test_figures_out_of_range_are_refused(figures: dict[str, Any]) -> None:
    """When it is made, with what to write instead."""
    (name,) = figures
    with pytest.raises(ConfigurationError, match=f"{name}=.*write"):
        RetryBudget(**figures)


def test_it_prints_its_figures_and_can_be_reset() -> None:
    """As every settings object."""
    assert "RetryBudget(0.1, minimum=10, window=10.0)" == repr(default_budget)
    assert taken(default_budget)
    reset()
    assert 10 == default_budget.balance

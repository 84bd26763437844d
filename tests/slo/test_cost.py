"""What an objective costs a request."""

import sys
import timeit

import pytest

from steadfastapi.slo.budget import Budget
from steadfastapi.slo.watch import RequestWatch
from support.exchanges import finished
from support.slo import AVAILABILITY, LATENCY


@pytest.mark.soak
def test_two_objectives_cost_half_a_microsecond() -> None:
    """The best of several runs, on a machine with time to spare: at most 0.5 µs."""
    observe = RequestWatch([Budget(AVAILABILITY), Budget(LATENCY)])
    exchange = finished(route="/orders/{order_id}")

    best = min(timeit.repeat(lambda: observe(exchange), number=50_000, repeat=9))

    assert 0.5e-6 >= best / 50_000


def test_memory_is_taken_once() -> None:
    """An objective of thirty days has 13 KiB, whatever happens in them."""
    budget = Budget(AVAILABILITY)
    rings = (budget._minutes, budget._hours)

    def size() -> int:
        return sum(
            sys.getsizeof(ring._good) + sys.getsizeof(ring._bad) for ring in rings
        )

    before = size()
    for hour in range(2_000):
        budget.good += 1_000
        budget.take_over(hour * 3_600.0)

    assert before == size()
    assert 14_000 >= size()

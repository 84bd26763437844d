"""Objectives declared in code."""

from typing import Any

import pytest

from steadfastapi.exceptions import ConfigurationError
from steadfastapi.slo.declared import SLO
from steadfastapi.slo.objective import Objective


def test_a_promise_of_both_is_two_objectives() -> None:
    """Named by kind where the promise has no name."""
    declared = SLO(availability=99.9, latency=(0.25, 99.0))

    expected = [
        Objective(name="availability", percent=99.9, kind="availability"),
        Objective(name="latency", percent=99.0, kind="latency", threshold=0.25),
    ]
    assert expected == declared.objectives()


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({"availability": 99}, ["checkout"]),
        ({"latency": (1, 95)}, ["checkout"]),
        (
            {"availability": 99, "latency": (1, 95)},
            ["checkout-availability", "checkout-latency"],
        ),
        ({"events": 99}, ["checkout"]),
    ],
)
def test_a_name_stands_for_all_that_is_promised(
    values: dict[str, Any], names: list[str]
) -> None:
    """With the kind behind it where there are two."""
    objectives = SLO(name="checkout", **values).objectives()

    assert names == [objective.name for objective in objectives]


def test_routes_and_window_belong_to_every_objective() -> None:
    """As they were given."""
    declared = SLO(
        availability=99,
        latency=(0.5, 95),
        routes=("/orders",),
        exclude_routes=("/events",),
        window_days=28,
    )

    found = [(o.handlers, o.exclude_handlers, o.days) for o in declared.objectives()]
    assert [(("/orders",), ("/events",), 28)] * 2 == found


def test_the_budget_is_what_the_objective_leaves() -> None:
    """Rounded, for 1 - 0.999 is not 0.001 in binary."""
    objective = SLO(availability=99.9).objectives()[0]

    assert (0.999, 0.001, "30d") == (
        objective.ratio,
        objective.budget,
        objective.period,
    )


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({}, "promises nothing"),
        ({"availability": 100}, r"SLO\(availability=…\) is 100: write a percentage"),
        ({"availability": 0}, "between 0 and 100"),
        ({"availability": 99.99999999999}, "at most eight digits"),
        ({"latency": (0.3, 99)}, r"SLO\(latency=…\) is 0.3: write the bound of a buck"),
        ({"latency": (0.25, 100)}, "leave no error budget"),
        ({"latency": 0.25}, "write seconds and a percentage"),
        ({"events": 99}, "stands alone and has a name"),
        ({"name": "a", "events": 99, "availability": 99}, "stands alone"),
        ({"name": "a", "events": 99, "routes": ("/",)}, "has no routes"),
        ({"name": "a b", "availability": 99}, "write letters, digits"),
        ({"name": "a" * 64, "availability": 99}, "at most 63"),
        ({"availability": 99, "window_days": 1}, "write 7 to 90 days"),
        ({"availability": 99, "window_days": 91}, "write 7 to 90 days"),
        ({"availability": "high"}, "of the wrong type"),
        ({"availability": 99, "routes": "/orders"}, "write a tuple of route templates"),
    ],
)
def test_a_mistake_says_what_to_write(values: dict[str, Any], reason: str) -> None:
    """When it is made, not when the first alert is missing."""
    with pytest.raises(ConfigurationError, match=reason):
        SLO(**values)


def test_all_mistakes_are_reported_together() -> None:
    """One start shows all of them."""
    with pytest.raises(ConfigurationError) as caught:
        SLO(availability=100, latency=(0.3, 100))

    assert 3 == len(caught.value.problems)

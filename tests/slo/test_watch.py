"""Requests, judged."""

from typing import Any

import pytest

from steadfastapi.slo import watch
from steadfastapi.slo.budget import Budget
from steadfastapi.slo.objective import Objective
from steadfastapi.slo.watch import RequestWatch
from support.exchanges import finished
from support.slo import AVAILABILITY, LATENCY


def judged(objective: Objective, *exchanges: dict[str, Any]) -> tuple[int, int]:
    """Return how many exchanges were good and bad for an objective."""
    budget = Budget(objective)
    observe = RequestWatch([budget])
    for facts in exchanges:
        observe(finished(**facts))
    status = budget.status(0.0)
    return status.good, status.bad


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, (1, 0)),
        ({"status": 404}, (1, 0)),
        ({"status": 429}, (1, 0)),
        ({"status": 499}, (1, 0)),
        ({"status": 500}, (0, 1)),
        ({"status": 503}, (0, 1)),
        ({"status": None}, (0, 1)),
        ({"quiet": True}, (0, 0)),
        ({"kind": "websocket"}, (0, 0)),
    ],
)
def test_availability_is_about_server_errors(
    facts: dict[str, Any], expected: tuple[int, int]
) -> None:
    """PROM-10: a client that goes away is nobody's failure, and a probe no user."""
    assert expected == judged(AVAILABILITY, facts)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"duration": 0.2}, (1, 0)),
        ({"duration": 0.3}, (0, 1)),
        ({"duration": 0.3, "status": 404}, (0, 1)),
        ({"duration": 0.001, "status": 500}, (0, 0)),
        ({"duration": 9.0, "status": 500}, (0, 0)),
    ],
)
def test_latency_is_about_what_was_served(
    facts: dict[str, Any], expected: tuple[int, int]
) -> None:
    """A fast 500 is no good response, and a slow one is not slow."""
    assert expected == judged(LATENCY, facts)


def test_only_the_routes_of_an_objective_count() -> None:
    """By template, as the metrics do; what no route matched has the name `none`."""
    some = Objective(
        name="some", percent=99, kind="availability", handlers=("/a", "none")
    )
    others = Objective(
        name="others", percent=99, kind="availability", exclude_handlers=("/a", "none")
    )
    exchanges: list[dict[str, Any]] = [
        {"route": "/a"},
        {"route": "/a"},
        {"route": "/b"},
        {"route": None},
    ]

    assert (3, 0) == judged(some, *exchanges)
    assert (1, 0) == judged(others, *exchanges)


def test_routes_are_remembered_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond it they are looked up each time, and counted all the same."""
    monkeypatch.setattr(watch, "MAX_ROUTES", 2)
    budget = Budget(AVAILABILITY)
    observe = RequestWatch([budget])

    for number in range(5):
        observe(finished(route=f"/{number}"))

    assert 2 == len(observe._routes)
    assert 5 == budget.status(0.0).good

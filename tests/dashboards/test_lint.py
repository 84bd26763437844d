"""Every rule over every dashboard; each exception has a reason, and is needed."""

from __future__ import annotations

import pytest

from support import board_rules, link_rules, query_rules
from support.boards import BOARDS

RULES = (*board_rules.RULES, *query_rules.RULES, *link_rules.RULES)

_RECORDED = "recorded by the rules for the whole job, without instances"
_ALERTS = "an alert is of a job; what fires has no instance of its own"
_SPANS = "counted by Tempo, which calls the job `service` and knows no instance"

EXCEPTIONS: dict[tuple[str, str, str], str] = {
    ("panels_ask", "steadfastapi-oncall", "101"): "Grafana's own list of alerts",
    ("of_the_instance", "steadfastapi-oncall", "1A"): _ALERTS,
    ("of_the_instance", "steadfastapi-oncall", "11A"): _RECORDED,
    ("of_the_instance", "steadfastapi-oncall", "11B"): _RECORDED,
    ("of_the_instance", "steadfastapi-oncall", "11C"): _RECORDED,
    ("of_the_instance", "steadfastapi-debug", "3A"): _SPANS,
    ("of_the_job", "steadfastapi-debug", "3A"): _SPANS,
}
"""By rule, dashboard and place."""


def findings(rule: board_rules.Rule) -> list[str]:
    """Return what is wrong anywhere, and not excepted."""
    return [
        f"{board.naming} {board.uid} {place}: {problem}"
        for board in BOARDS
        for place, problem in rule(board)
        if (rule.__name__, board.uid, place) not in EXCEPTIONS
    ]


def test_there_are_three_dashboards_in_each_naming() -> None:
    """Executive, on-call and debug."""
    assert 2 * [
        "steadfastapi-debug",
        "steadfastapi-executive",
        "steadfastapi-oncall",
    ] == [board.uid for board in BOARDS]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_rule_holds_for_every_dashboard(rule: board_rules.Rule) -> None:
    """Nothing is wrong that has no reason."""
    assert [] == findings(rule)


def test_every_exception_is_needed() -> None:
    """One that nothing uses any more would hide the next mistake."""
    used = {
        (rule.__name__, board.uid, place)
        for rule in RULES
        for board in BOARDS
        for place, _ in rule(board)
    }

    assert set() == set(EXCEPTIONS) - used

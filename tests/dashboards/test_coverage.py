"""Whatever is exported, somebody looks at; whoever is woken up, is told what to do."""

from __future__ import annotations

from typing import Any

import pytest

from steadfastapi.signals import FAMILIES, Naming
from steadfastapi.slo.objective import Spec
from steadfastapi.slo.rules import Rendering, rule_files
from support.boards import BOARDS, NAMINGS
from support.jobs import SLOS
from support.promql import parse, selectors
from support.vocabulary import series

UNUSED: dict[str, str] = {}
"""Families that no panel and no rule reads, with the reason."""


def rules_of(naming: Naming) -> list[dict[str, Any]]:
    """Return every rule for objectives of all kinds."""
    objectives = tuple(one for slo in SLOS for one in slo.objectives())
    spec = Spec(service="busy", jobs=("busy",), objectives=objectives)
    files = rule_files(spec, Rendering(naming=naming))
    return [
        rule
        for content in files.values()
        for group in content["groups"]
        for rule in group["rules"]
    ]


@pytest.mark.parametrize("naming", NAMINGS)
def test_every_family_is_looked_at(naming: Naming) -> None:
    """By a panel or by a rule, or there is a reason; and no reason is left over."""
    texts = [
        query.text
        for board in BOARDS
        if board.naming == naming
        for query in board.queries()
    ]
    texts += [rule["expr"] for rule in rules_of(naming)]
    known = series(naming)
    read = {one.name for text in texts for one in selectors(parse(text))}
    used = {known[name].family.name for name in read if name in known}
    exported = {one.family.name for one in known.values()}

    assert exported <= {family.name for family in FAMILIES}
    assert set(UNUSED) == exported - used


@pytest.mark.parametrize("naming", NAMINGS)
def test_every_alert_says_what_to_do(naming: Naming) -> None:
    """A summary, a description, its runbook and its dashboard."""
    alerts = [rule for rule in rules_of(naming) if "alert" in rule]
    silent = [
        f"{rule['alert']} has no {key}"
        for rule in alerts
        for key in ("summary", "description", "runbook_url")
        if not rule["annotations"].get(key)
    ]

    assert alerts
    assert [] == silent

"""Executive, upper half: the objectives and what is left of their budgets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steadfastapi.dashboards.budget import (
    BURN_LINES,
    budget_left,
    burn,
    errors,
    objective,
    reached,
    time_left,
)
from steadfastapi.dashboards.links import to_runbook
from steadfastapi.dashboards.panels import Panel, Target
from steadfastapi.slo import names

if TYPE_CHECKING:
    from steadfastapi.dashboards.expressions import Queries
    from steadfastapi.dashboards.panels import Step

_LEFT: tuple[Step, ...] = ((0.0, "red"), (0.25, "orange"), (0.5, "green"))


def promises(q: Queries, runbooks: str) -> tuple[Panel, ...]:
    """Return the panels.

    Args:
        q: In its naming, without instances.
        runbooks: Address of the runbooks.
    """
    burning = to_runbook(runbooks, names.BURN)
    return (
        Panel(
            id=1,
            title="Objectives reached",
            description=(
                "Share of good events in the period, beside what was promised. Below "
                "its objective: no releases but repairs, until it is back."
            ),
            kind="stat",
            unit="percentunit",
            targets=(
                Target(query=reached(q), legend="reached: {{sloth_id}}"),
                Target(query=objective(q), legend="promised: {{sloth_id}}"),
            ),
            width=12,
            mark="P30",
        ),
        Panel(
            id=2,
            title="Error budget left",
            description=(
                "What may still fail in this period. Below a quarter: postpone risky "
                "releases. Below zero: the promise is broken; repair first."
            ),
            kind="gauge",
            unit="percentunit",
            targets=(Target(query=budget_left(q), legend="{{sloth_id}}"),),
            steps=_LEFT,
            falling=True,
            low=0.0,
            high=1.0,
            width=6,
            mark="P30",
        ),
        Panel(
            id=5,
            title="Time until the budget is gone",
            description=(
                "If errors go on as in the last hour. Less than a day: treat it as an "
                "incident, even if nobody was paged."
            ),
            kind="stat",
            unit="s",
            targets=(Target(query=time_left(q), legend="{{sloth_id}}"),),
            steps=((86_400.0, "orange"), (7 * 86_400.0, "green")),
            falling=True,
            no_value="not burning",
            width=6,
        ),
        Panel(
            id=3,
            title="Burn-down of the error budget",
            description=(
                "How the budget was spent. A step is an incident: look for a deploy "
                "beside it. A slope is a fault that nobody has repaired."
            ),
            unit="percentunit",
            targets=(Target(query=budget_left(q), legend="{{sloth_id}}"),),
            steps=((0.0, "green"),),
            falling=True,
            lines=True,
            width=12,
            mark="P30",
        ),
        Panel(
            id=4,
            title="Burn rate now",
            description=(
                "How many times faster than planned the budget is spent, in the last "
                "hour. Above 4 somebody is paged; open the runbook."
            ),
            kind="bargauge",
            unit="suffix:x",
            targets=(Target(query=burn(q, "1h"), legend="{{sloth_id}}"),),
            steps=BURN_LINES,
            links=(burning,),
            low=0.0,
            width=6,
        ),
        Panel(
            id=13,
            title="All objectives",
            description=(
                "One line an objective. Start with the one that has the least budget "
                "left; its runbook says what to do."
            ),
            kind="table",
            unit="percentunit",
            targets=(
                Target(query=objective(q), legend="Objective"),
                Target(query=errors(q), legend="Share of errors"),
                Target(query=budget_left(q), legend="Budget left"),
                Target(query=burn(q, "1h"), legend="Burn rate", unit="suffix:x"),
            ),
            links=(burning,),
            width=6,
            mark="P30",
        ),
    )

"""On-call: what fires, and how fast the error budget burns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steadfastapi.dashboards.budget import BURN_LINES, burn
from steadfastapi.dashboards.expressions import Expression
from steadfastapi.dashboards.links import cell, to_runbook
from steadfastapi.dashboards.panels import Panel, Target
from steadfastapi.dashboards.variables import ALERTS
from steadfastapi.slo import names

if TYPE_CHECKING:
    from steadfastapi.dashboards.expressions import Queries

_OF_ALERTS = ("alertname", "severity", "job", "sloth_id")


def alerts(q: Queries, runbooks: str) -> tuple[Panel, ...]:
    """Return what fires, and how fast the budget burns."""
    firing = f'{ALERTS}{{job=~"$job",alertstate="firing"}}'
    return (
        Panel(
            id=1,
            title="Firing alerts",
            description=(
                "Pages first. A click opens the alert's runbook, which says what to "
                "look at and what to do."
            ),
            kind="table",
            unit="none",
            targets=(
                Target(
                    query=Expression(
                        f"max by ({', '.join(_OF_ALERTS)}) ({firing})", _OF_ALERTS
                    )
                ),
            ),
            links=(to_runbook(runbooks, cell("alertname")),),
            no_value="nothing fires",
            width=10,
        ),
        Panel(
            id=101,
            title="Alerts by state",
            description=(
                "Also the alerts that are pending: what is likely to page next. Open "
                "one for its summary, runbook and history."
            ),
            kind="alertlist",
            width=6,
            mark="G",
        ),
        Panel(
            id=11,
            title="Burn rate",
            description=(
                "How many times faster than planned the error budget is spent. All "
                "three above a line: it goes on. Only the longest: it is over."
            ),
            unit="suffix:x",
            targets=tuple(
                Target(query=burn(q, window), legend=f"{window} {{{{sloth_id}}}}")
                for window in ("5m", "30m", "1h")
            ),
            steps=BURN_LINES,
            lines=True,
            links=(to_runbook(runbooks, names.BURN),),
            low=0.0,
        ),
    )

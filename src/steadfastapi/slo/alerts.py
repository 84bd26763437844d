"""What every alert has: words for the person that it wakes up, and where to go on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steadfastapi.slo.recording import Rule
    from steadfastapi.slo.windows import Severity

ON_CALL = "/d/steadfastapi-oncall"
"""Path of the dashboard that an on-call engineer opens first."""
RUNBOOKS = "runbooks"
"""Folder of the runbooks beside the rules, where they have no address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Where the links of the alerts lead.

    Args:
        runbooks: Address of the runbooks, `<alert>.md` each; empty for the folder
            beside the rules.
        dashboards: Address of Grafana; empty for a path on whatever host shows it.
    """

    runbooks: str = ""
    dashboards: str = ""

    def runbook(self, alert: str, folder: str = "") -> str:
        """Return the address of an alert's page, in `folder` if that is given."""
        return f"{(folder or self.runbooks or RUNBOOKS).rstrip('/')}/{alert}.md"

    def dashboard(self) -> str:
        """Return the address of the dashboard, at the job of the alert."""
        return f"{self.dashboards.rstrip('/')}{ON_CALL}?var-job={{{{ $labels.job }}}}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The texts of an alert; both are Go templates over its labels and `$value`.

    Args:
        summary: One line, for the page itself.
        description: What it means and what to do first.
    """

    summary: str
    description: str


def alert_rule(  # noqa: PLR0913 - all by name
    *,
    name: str,
    expression: str,
    severity: Severity,
    words: Words,
    links: Links,
    lasting: str = "",
    labels: Mapping[str, str] | None = None,
    runbooks: str = "",
) -> Rule:
    """Return an alerting rule.

    Args:
        name: One of `names.ALERTS`, each of which has a runbook.
        expression: What makes it fire.
        severity: Whom it concerns.
        words: What it says.
        links: Where it leads.
        lasting: How long it must last, in PromQL.
        labels: More labels, e.g. the team.
        runbooks: Where this one's runbook is, if not where the others are.
    """
    return {
        "alert": name,
        "expr": expression,
        **({"for": lasting} if lasting else {}),
        "labels": {**(labels or {}), "severity": severity},
        "annotations": {
            "summary": words.summary,
            "description": words.description,
            "runbook_url": links.runbook(name, runbooks),
            "dashboard_url": links.dashboard(),
        },
    }

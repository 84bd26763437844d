"""Alerts on a budget that burns too fast, or is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steadfastapi.slo import names
from steadfastapi.slo.alerts import Words, alert_rule
from steadfastapi.slo.recording import bad_in
from steadfastapi.slo.windows import ABOVE_4X, PAGES, TICKETS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steadfastapi.slo.alerts import Links
    from steadfastapi.slo.recording import Rule, Target
    from steadfastapi.slo.windows import Pair, Severity

_WHAT = "{{ $labels.sloth_slo }} of {{ $labels.job }}"


def burn_alerts(target: Target, links: Links) -> list[Rule]:
    """Return the alerts that stand beside the rules of the share of bad events."""
    rules = [
        _burn(target, links, PAGES, "page"),
        _burn(target, links, TICKETS, "ticket"),
    ]
    if target.events.objective.above_4x:
        rules.append(_above_4x(target, links))
    return rules


def exhausted_alert(target: Target, links: Links) -> Rule:
    """Return the alert on a budget that is gone, by events and not by time."""
    days = target.events.objective.days
    return _rule(
        target,
        links,
        name=names.BUDGET_EXHAUSTED,
        expression=f"{target.series(names.EVENT_REMAINING)} < 0",
        severity="ticket",
        words=Words(
            summary=f"The error budget of {_WHAT} is gone.",
            description=(
                f"{{{{ $value | humanizePercentage }}}} of the budget of {days} days "
                "is left, counted by events. Stop risky changes, and spend the time "
                "on what the last incidents showed."
            ),
        ),
    )


def _burn(
    target: Target, links: Links, pairs: Iterable[Pair], severity: Severity
) -> Rule:
    days = target.events.objective.days
    first, second = pairs
    urgency = "now" if severity == "page" else "slowly, and has for a long time"
    return _rule(
        target,
        links,
        name=names.BURN,
        expression="\nor\n".join(
            _both(target, pair.long, pair.short, pair.factor(days))
            for pair in (first, second)
        ),
        severity=severity,
        words=Words(
            summary=f"The error budget of {_WHAT} burns {urgency}.",
            description=(
                f"At least {first.spent:.0%} of the budget of {days} days went in "
                f"{first.long}, or {second.spent:.0%} in {second.long}, and it still "
                "burns. Look at the error ratio and the slowest routes, then at the "
                "last deploy."
            ),
        ),
    )


def _above_4x(target: Target, links: Links) -> Rule:
    long, short, factor = ABOVE_4X
    return _rule(
        target,
        links,
        name=names.ABOVE_4X,
        expression=_both(target, long, short, factor),
        severity="page",
        words=Words(
            summary=f"{_WHAT} has burnt its budget {factor:g} times too fast "
            "for 30 minutes.",
            description=(
                "The average of the last half hour is above, and the last five "
                "minutes still are. This fires before much of the budget is gone: "
                "look early, and do not roll back blindly."
            ),
        ),
    )


def _both(target: Target, long: str, short: str, factor: float) -> str:
    """Return when both windows burn too fast, and not for a handful of events."""
    objective = target.events.objective
    limit = f"({factor:g} * {objective.budget!r})"
    floor = objective.min_bad_events - 0.5
    either = "\n    and\n".join(
        f"    max({target.series(names.rate(window))} > {limit}) without (sloth_window)"
        for window in (short, long)
    )
    return f"(\n{either}\n)\nand on () ({bad_in(target, long)} > {floor:g})"


def _rule(  # noqa: PLR0913 - all but two by name
    target: Target,
    links: Links,
    *,
    name: str,
    expression: str,
    severity: Severity,
    words: Words,
) -> Rule:
    objective = target.events.objective
    # The series have these labels; promtool knows two alerts apart only by the rule's.
    labels = {**objective.labels, **target.labels, "sloth_severity": severity}
    return alert_rule(
        name=name,
        expression=expression,
        severity=severity,
        words=words,
        links=links,
        labels=labels,
        runbooks=objective.runbook,
    )

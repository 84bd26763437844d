"""The rule files of Prometheus for a service's objectives.

    rules/<service>-<slo>.slo.json      shares, burn rates and their alerts
    rules/<service>-<slo>.slo-5m.json   event-weighted figures, every five minutes
    rules/<service>-symptoms.json       alerts on what no objective sees

They are JSON, which Prometheus and promtool read as the YAML that it is. All rules
that an alert reads stand in its group, so that it sees the values of the same tick;
the slow ones have a file of their own, for promtool ignores a group's interval.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from steadfastapi.slo.alerts import Links
from steadfastapi.slo.burn import burn_alerts, exhausted_alert
from steadfastapi.slo.promql import Events
from steadfastapi.slo.recording import Target, fast_rules, slow_rules
from steadfastapi.slo.symptoms import Symptoms
from steadfastapi.slo.windows import Clock

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steadfastapi.signals import Naming
    from steadfastapi.slo.objective import Spec
    from steadfastapi.slo.recording import Rule

FIVE = "5m"
Files = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """How the rules are written.

    Args:
        naming: How the families are called.
        links: Where the alerts lead.
        clock: How long the windows are.
    """

    naming: Naming = "default"
    links: Links = field(default_factory=Links)
    clock: Clock = field(default_factory=Clock)


def targets(spec: Spec, rendering: Rendering) -> list[Target]:
    """Return every objective of every job."""
    return [
        Target(
            service=spec.service,
            job=job,
            events=Events(objective, job, rendering.naming, rendering.clock),
            recorded=spec.long_windows == "recorded",
        )
        for job in spec.jobs
        for objective in spec.objectives
    ]


def rule_files(spec: Spec, rendering: Rendering) -> Files:
    """Return the contents of the rule files, by path."""
    links = rendering.links
    files: Files = {}
    for name, wanted in _by_name(spec, rendering).items():
        files[rule_path(spec, f"{name}.slo")] = _groups(
            (_group(one), [*fast_rules(one), *burn_alerts(one, links)], "")
            for one in wanted
        )
        files[rule_path(spec, f"{name}.slo-5m")] = _groups(
            (
                f"{_group(one)}-5m",
                [*slow_rules(one), exhausted_alert(one, links)],
                rendering.clock.duration(FIVE),
            )
            for one in wanted
        )
    files[rule_path(spec, "symptoms")] = _groups(
        (f"{job}-symptoms", _symptoms(spec, job, rendering), "") for job in spec.jobs
    )
    return files


def rule_path(spec: Spec, part: str) -> str:
    """Return where a part of the rules is, below the output folder."""
    return f"rules/{spec.service}-{part}.json"


def written(content: Any) -> str:
    """Return a file's text: the same for the same content, byte by byte."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _by_name(spec: Spec, rendering: Rendering) -> dict[str, list[Target]]:
    found: dict[str, list[Target]] = {}
    for target in targets(spec, rendering):
        found.setdefault(target.events.objective.name, []).append(target)
    return found


def _symptoms(spec: Spec, job: str, rendering: Rendering) -> list[dict[str, Any]]:
    symptoms = Symptoms(job, rendering.naming, rendering.clock)
    links = rendering.links
    links = replace(links, runbooks=links.runbooks or spec.runbook)
    return symptoms.rules(links, spec.labels)


def _group(target: Target) -> str:
    return f"{target.job}-{target.events.objective.name}"


def _groups(groups: Iterable[tuple[str, list[Rule], str]]) -> dict[str, Any]:
    return {
        "groups": [
            {
                "name": name,
                **({"interval": interval} if interval else {}),
                "rules": rules,
            }
            for name, rules, interval in groups
        ]
    }

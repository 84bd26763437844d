"""The unit tests of the rules, for `promtool test rules`.

    tests/<service>-<slo>.slo.json        its alerts, evaluated every two minutes
    tests/<service>-<slo>.slo-long.json   its long windows, every quarter of an hour
    tests/<service>-<slo>.slo-5m.json     its event-weighted figures
    tests/<service>-outage.json           outages, with the rules of all objectives
    tests/<service>-symptoms.json         the alerts on symptoms

An objective with queries of its own has none: what they mean is not known here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steadfastapi.slo.cases import COARSE, Cases, can_page
from steadfastapi.slo.rules import rule_path, targets
from steadfastapi.slo.symptom_cases import symptom_cases
from steadfastapi.slo.weighing import Weighing

if TYPE_CHECKING:
    from steadfastapi.slo.expectations import Case
    from steadfastapi.slo.objective import Objective, Spec
    from steadfastapi.slo.rules import Files, Rendering


def unit_tests(spec: Spec, rendering: Rendering) -> Files:
    """Return the contents of the test files, by path."""
    files: Files = {}
    for objective in spec.objectives:
        if objective.kind != "raw":
            files |= _of_one(spec, objective, rendering)
    outages = _outages(spec, rendering)
    if outages:
        parts = [f"{objective.name}.slo" for objective in spec.objectives]
        files[_path(spec, "outage")] = _file(spec, parts, "2m", outages)
    cases = [case for job in spec.jobs for case in symptom_cases(job, rendering.naming)]
    files[_path(spec, "symptoms")] = _file(spec, ["symptoms"], "30s", cases)
    return files


def _of_one(spec: Spec, objective: Objective, rendering: Rendering) -> Files:
    wanted = [
        target
        for target in targets(spec, rendering)
        if target.events.objective is objective
    ]
    naming = rendering.naming
    cases = [Cases(target, naming, []) for target in wanted]
    weighing = [Weighing(target, naming) for target in wanted]
    fast, slow = f"{objective.name}.slo", f"{objective.name}.slo-5m"
    recorded = spec.long_windows == "recorded"
    return {
        _path(spec, fast): _file(
            spec, [fast], "2m", [case for one in cases for case in one.fast()]
        ),
        _path(spec, f"{fast}-long"): _file(
            spec,
            [fast, slow] if recorded else [fast],
            "5m" if recorded else f"{COARSE}m",
            [c for one in cases for c in one.slow()],
        ),
        _path(spec, slow): _file(
            spec, [fast, slow], "5m", [case for one in weighing for case in one.all()]
        ),
    }


def _outages(spec: Spec, rendering: Rendering) -> list[Case]:
    """Return an outage of each objective, which those of another kind must not notice.

    What fails is not slow, and what is slow has not failed: one cause, one alert.
    """
    found = []
    for target in targets(spec, rendering):
        objective = target.events.objective
        others = [one for one in spec.objectives if one.kind != objective.kind]
        if objective.kind != "raw" and can_page(objective):
            found.append(Cases(target, rendering.naming, others).outage())
    return found


def _path(spec: Spec, name: str) -> str:
    return f"tests/{spec.service}-{name}.json"


def _file(
    spec: Spec, parts: list[str], evaluated: str, tests: list[Case]
) -> dict[str, Any]:
    return {
        "rule_files": [f"../{rule_path(spec, part)}" for part in parts],
        "evaluation_interval": evaluated,
        "tests": tests,
    }

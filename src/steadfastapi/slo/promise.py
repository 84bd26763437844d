"""What declared objectives add to the plan."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from steadfastapi._lifespan import LifespanPart
from steadfastapi._routes import endpoints
from steadfastapi.exceptions import ConfigurationError
from steadfastapi.slo import api
from steadfastapi.slo.handle import SLOHandle
from steadfastapi.slo.known import unknown_handlers
from steadfastapi.slo.objective import Spec, repeated
from steadfastapi.slo.watch import RequestWatch

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from steadfastapi._plan import Plan
    from steadfastapi.slo.declared import SLO


def promise(plan: Plan, slos: Iterable[SLO], file: Path | None) -> None:
    """Watch the requests that objectives in code and in a file are about."""
    spec = _spec(plan, slos, file)
    if spec is None:
        return
    handle = SLOHandle(spec, plan.meter)
    plan.handle(handle)
    watched = [
        budget
        for budget in handle.budgets
        if budget.objective.kind in ("availability", "latency")
    ]
    if watched:
        plan.observe(RequestWatch(watched))
    plan.set_up(partial(api.activate, handle))
    plan.lifespan(LifespanPart(name="objectives", start=handle.declare))
    plan.check(partial(_refuse_unknown, plan, spec))
    for objective in spec.objectives:
        plan.note(f"{objective} in {objective.days} days", "slo")


def _spec(plan: Plan, slos: Iterable[SLO], file: Path | None) -> Spec | None:
    """Return all objectives; None after reporting what is wrong with them."""
    service = plan.service.name
    spec = Spec(service=service, jobs=(service,), objectives=())
    if file is not None:
        # Only here: nobody who declares in code need load it.
        from steadfastapi.slo.spec import read_spec  # noqa: PLC0415

        try:
            spec = read_spec(file)
        except ConfigurationError as error:
            plan.problems += error.problems
            return None
    declared = [objective for slo in slos for objective in slo.objectives()]
    objectives = [*spec.objectives, *declared]
    twice = repeated(objectives)
    for name in twice:
        plan.problem(
            f"SLOs(…) has two objectives named {name!r}: give each SLO a name of its "
            "own, e.g. SLO(name='checkout', …)."
        )
    return None if twice else replace(spec, objectives=tuple(objectives))


def _refuse_unknown(plan: Plan, spec: Spec) -> None:
    """Stop the start over an objective about a route that nobody serves."""
    templates = (template for template, _ in endpoints(plan.app))
    problems = unknown_handlers(spec.objectives, templates)
    if problems:
        raise ConfigurationError(problems)

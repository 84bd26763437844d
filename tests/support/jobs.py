"""What the live tests scrape: who they are, and what they promise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from steadfastapi.slo.declared import SLO
from steadfastapi.slo.objective import Spec
from steadfastapi.slo.rules import Rendering, rule_files, written
from steadfastapi.slo.spec import read_spec
from steadfastapi.slo.windows import Clock
from support.boards import ROOT

if TYPE_CHECKING:
    from steadfastapi.signals import Naming

MINUTE_IN_SECONDS = 1.0
"""How long a minute of the rules is here."""
SLOS = (SLO(name="receipts", events=99.5), SLO(availability=99.9, latency=(0.25, 99)))


@dataclass(frozen=True, slots=True)
class Job:
    """One process, or one with its workers.

    Args:
        name: Prometheus's name of it.
        naming: Of its metrics.
        workers: How many; 0 for a process without any.
        shop: Whether it is the shop, with its customers and its own objectives.
    """

    name: str
    naming: Naming
    workers: int = 0
    shop: bool = False


JOBS = (
    Job("default-single", "default"),
    Job("default-multi", "default", 2),
    Job("otel-single", "otel"),
    Job("otel-multi", "otel", 2),
)
SHOPS = (
    Job("shop-default-multi", "default", 2, shop=True),
    Job("shop-otel-single", "otel", shop=True),
    Job("shop-default-single", "default", shop=True),
    Job("shop-otel-multi", "otel", 2, shop=True),
)
KNOWN = {job.name: job for job in (*JOBS, *SHOPS)}


def rules_of(job: Job) -> dict[str, Any]:
    """Return the rules of a job by file name, with minutes of a second."""
    rendering = Rendering(naming=job.naming, clock=Clock(MINUTE_IN_SECONDS / 60))
    return {
        path.replace("/", "-"): written(content)
        for path, content in rule_files(_spec(job), rendering).items()
    }


def _spec(job: Job) -> Spec:
    if job.shop:
        spec = read_spec(ROOT / "examples/shop/slo.yml")
        return replace(spec, service=job.name, jobs=(job.name,))
    objectives = tuple(one for slo in SLOS for one in slo.objectives())
    return Spec(service=job.name, jobs=(job.name,), objectives=objectives)

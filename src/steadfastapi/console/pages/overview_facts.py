"""What the Overview says, gathered from the layers that are on.

Each part is guarded and has a deadline of its own: a layer in trouble costs its part
of the page, and no other.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import anyio

from steadfastapi._guard import guard
from steadfastapi.console.pages.exchanges_query import ring_of
from steadfastapi.exceptions import StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steadfastapi.console.ring_minutes import Minute
    from steadfastapi.console.sources import Sources
    from steadfastapi.inbox.store import Issue

PATIENCE = 2.0
"""Seconds for the health checks, and for the inbox."""
COUNTED = 200
"""Open issues that are counted; beyond it there are "more than"."""
SHOWN = 5
MAX_OBJECTIVES = 50


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OpenIssues:
    """Issues that are open."""

    open: int | None = None
    """None where it is not known."""
    more: bool = False
    """Whether there are more than that."""
    latest: Sequence[Issue] = ()
    problem: str = ""


async def gather(sources: Sources) -> dict[str, Any]:
    """Return all facts by name."""
    ring = ring_of(sources)
    found: dict[str, Any] = {}

    async def ask(name: str, question: Any) -> None:
        found[name] = await question

    async with anyio.create_task_group() as group:
        group.start_soon(ask, "issues", _issues(sources))
        group.start_soon(ask, "health", _health(sources))
    return {
        **found,
        "deploy": _deploy(sources),
        "since": ring.since if ring else None,
        "in_flight": ring.in_flight if ring else None,
        "slow_after": ring.slow_after if ring else None,
        "hour": ring.minutes.whole_hour() if ring else None,
        "minutes": ring.minutes.last() if ring else [],
        "objectives": guard.call("console.overview", _objectives, sources) or [],
        "event_loop": guard.call("console.overview", _event_loop, sources),
    }


def minute_json(minute: Minute) -> dict[str, Any]:
    """Return what happened in a minute, or in an hour, times in milliseconds."""
    times = {
        f"{name}_ms": None if value is None else round(value * 1000, 3)
        for name, value in (
            ("p50", minute.p50),
            ("p95", minute.p95),
            ("p99", minute.p99),
        )
    }
    return {
        "at": minute.at,
        "requests": minute.requests,
        "server_errors": minute.server_errors,
        "client_errors": minute.client_errors,
        **times,
    }


def _deploy(sources: Sources) -> dict[str, str]:
    service = sources.service
    return {
        "name": service.name,
        "version": service.version,
        "revision": service.revision,
        "environment": service.environment,
        "release": service.release,
    }


async def _issues(sources: Sources) -> OpenIssues:
    inbox = sources.inbox
    if inbox is None:
        return OpenIssues(problem="The inbox is off.")
    try:
        with anyio.fail_after(PATIENCE):
            page = await inbox.list(state="open", limit=COUNTED)
    except (StoreError, TimeoutError) as error:
        said = str(error) or f"no answer in {PATIENCE:g} s"
        return OpenIssues(problem=f"The store of the inbox does not answer: {said}")
    return OpenIssues(
        open=len(page.items), more=page.next is not None, latest=page.items[:SHOWN]
    )


async def _health(sources: Sources) -> dict[str, Any] | None:
    health = sources.health
    if health is None:
        return None
    phase = health.phases.current
    try:
        with anyio.fail_after(PATIENCE):
            report = await health.get_report()
    except TimeoutError:
        return {"status": phase or "unknown", "failing": []}
    return {"status": phase or report.status, "failing": list(report.failing)}


def _objectives(sources: Sources) -> list[dict[str, Any]]:
    """Return the objectives and what is left of their budgets."""
    slo = sources.handle("slo")
    if slo is None:
        return []
    return [dataclasses.asdict(one) for one in list(slo.status())[:MAX_OBJECTIVES]]


def _event_loop(sources: Sources) -> dict[str, Any] | None:
    """Return how late the event loop was lately, in seconds."""
    watchdog = sources.handle("watchdog")
    return None if watchdog is None else {"lag": float(watchdog.lag)}

"""The Overview page: how the service is now, and how it was in the last hour."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from steadfastapi.console import queries
from steadfastapi.console.pages import overview_charts, overview_facts
from steadfastapi.console.visit import Page

if TYPE_CHECKING:
    from starlette.responses import Response

    from steadfastapi.console.sources import Sources
    from steadfastapi.console.visit import Visit


def pages(sources: Sources) -> list[Page]:  # noqa: ARG001 - the same for all
    """Return the page and its API."""
    return [
        Page(path="/", handler=show, title="Overview", nav=True),
        Page(path="/api/overview", handler=told),
    ]


async def show(visit: Visit) -> Response:
    """Show all of it."""
    visit.filters()
    facts = await overview_facts.gather(visit.sources)
    return await visit.render(
        "overview.html",
        **facts,
        charts_shown=overview_charts.charts(facts["minutes"]),
        pid=os.getpid(),
    )


async def told(visit: Visit) -> Response:
    """Return all of it as JSON, times in milliseconds."""
    visit.filters()
    facts = await overview_facts.gather(visit.sources)
    traffic, loop = facts["hour"], facts["event_loop"]
    latest = [
        {"id": one.id, "title": one.title, "count": one.count, "level": one.level}
        for one in facts["issues"].latest
    ]
    body: dict[str, Any] = {
        "service": {**facts["deploy"]},
        "worker": {
            "pid": os.getpid(),
            "of": visit.sources.workers,
            "started_at": facts["since"],
            "in_flight": facts["in_flight"],
        },
        "last_hour": overview_facts.minute_json(traffic) if traffic else None,
        "minutes": [overview_facts.minute_json(one) for one in facts["minutes"]],
        "issues": {
            "open": facts["issues"].open,
            "at_least": facts["issues"].more,
            "problem": facts["issues"].problem,
            "latest": latest,
        },
        "health": facts["health"],
        "objectives": facts["objectives"],
        "event_loop": loop and {"lag_ms": round(loop["lag"] * 1000, 3)},
    }
    return queries.answer(body)

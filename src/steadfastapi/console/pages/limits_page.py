"""The Limits page: which buckets are nearly empty, and what was refused where."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from steadfastapi.console import queries
from steadfastapi.console.visit import Page

if TYPE_CHECKING:
    from starlette.responses import Response

    from steadfastapi.console.sources import Sources
    from steadfastapi.console.visit import Visit

BUCKETS = 50
OFF = "The rate limits are off."


def pages(sources: Sources) -> list[Page]:  # noqa: ARG001 - the same for all
    """Return the page and its API."""
    return [
        Page(path="/limits", handler=show, title="Limits", nav=True),
        Page(path="/api/limits", handler=told),
        Page(path="/api/limits/routes", handler=told_routes),
    ]


async def show(visit: Visit) -> Response:
    """Show the hottest buckets, and the decisions by route."""
    visit.filters()
    limits = visit.sources.limits
    return await visit.render(
        "limits.html",
        problem=OFF if limits is None else "",
        shared=limits is not None and limits.shared,
        down=limits is not None and limits.storage_down,
        buckets=[_bucket(hot) for hot in limits.hottest(BUCKETS)] if limits else [],
        routes=[asdict(one) for one in limits.routes()] if limits else [],
    )


async def told(visit: Visit) -> Response:
    """Return the hottest buckets of this worker."""
    given = visit.filters("limit", "cursor")
    limits = visit.sources.limits
    if limits is None:
        raise queries.Refused(404, OFF)
    most, start = queries.limit(given), queries.decode(given.get("cursor"), int)
    first = max(0, start[0]) if start else 0
    found = [_bucket(hot) for hot in limits.hottest(first + most + 1)][first:]
    following = queries.encode(first + most) if len(found) > most else None
    return queries.items(
        found[:most], following, shared=limits.shared, storage_down=limits.storage_down
    )


async def told_routes(visit: Visit) -> Response:
    """Return the decisions of this worker by route."""
    visit.filters()
    limits = visit.sources.limits
    if limits is None:
        raise queries.Refused(404, OFF)
    return queries.items([asdict(one) for one in limits.routes()])


def _bucket(hot: Any) -> dict[str, Any]:
    """Return a bucket as it stands now: what has come back since is back."""
    return {
        "route": hot.route,
        "limit": hot.limit,
        "who": hot.who,
        "amount": hot.amount,
        "left": hot.left,
        "used": round(1 - hot.left / hot.amount, 4),
        "reset": round(hot.reset, 3),
        "asked": hot.asked,
        "denied": hot.denied,
        "at": hot.at,
    }

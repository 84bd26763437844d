"""The Exchanges pages: recent requests of this worker, and each with its trace."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from steadfastapi.console import queries
from steadfastapi.console.pages import exchanges_query
from steadfastapi.console.pages.exchanges_query import CLASSES, FILTERS, METHODS
from steadfastapi.console.pages.waterfall import asked
from steadfastapi.console.queries import Refused
from steadfastapi.console.visit import Page
from steadfastapi.exceptions import StoreError

if TYPE_CHECKING:
    from starlette.responses import Response

    from steadfastapi.console.pages.exchanges_query import Exchanged
    from steadfastapi.console.ring import Kept, Ring
    from steadfastapi.console.sources import Sources
    from steadfastapi.console.visit import Visit

GONE = (
    "This worker has no such exchange any more, or another worker served it: "
    "failed and slow ones are kept, and some of the others."
)
NONE = "The exchanges are not watched."


def pages(sources: Sources) -> list[Page]:  # noqa: ARG001 - the same for all
    """Return the pages and their API."""
    return [
        Page(path="/exchanges", handler=show, title="Exchanges", nav=True),
        Page(path="/exchanges/{request_id}", handler=show_one, title="Exchange"),
        Page(path="/api/exchanges", handler=listed),
        Page(path="/api/exchanges/{request_id}", handler=told),
    ]


async def show(visit: Visit) -> Response:
    """Show recent exchanges, latest first."""
    given = visit.filters(*FILTERS)
    ring = exchanges_query.ring_of(visit.sources)
    found, following = (
        exchanges_query.found(ring, given) if ring is not None else ([], None)
    )
    routes = {one.route or "none" for one in ring.everything()} if ring else set()
    return await visit.render(
        "exchanges.html",
        exchanges=found,
        following=following,
        given={**dict.fromkeys(FILTERS, ""), **given},
        kept={name: value for name, value in given.items() if name != "cursor"},
        ring=ring,
        problem="" if ring is not None else NONE,
        routes=sorted(routes),
        classes=CLASSES,
        methods=METHODS,
    )


async def listed(visit: Visit) -> Response:
    """Return recent exchanges as JSON."""
    given = visit.filters(*FILTERS)
    found, following = exchanges_query.found(_ring(visit), given)
    items = [as_json(visit, one) for one in found]
    return queries.items(items, following, workers=visit.sources.workers)


async def show_one(visit: Visit) -> Response:
    """Show one exchange with its log lines, its trace and its issue."""
    visit.filters()
    facts = await _facts(visit)
    identity = facts["exchange"].id
    return await visit.render("exchange.html", title=identity, **facts)


async def told(visit: Visit) -> Response:
    """Return the same as JSON."""
    visit.filters()
    facts = await _facts(visit)
    trace = facts["trace"]
    return queries.answer(
        {
            **as_json(visit, facts["exchange"]),
            "log_lines": facts["lines"],
            "trace": asdict(trace) if trace else None,
            "issue": facts["issue"],
        }
    )


def as_json(visit: Visit, one: Exchanged) -> dict[str, Any]:
    """Return an exchange as the API has it."""
    return {**asdict(one), "url": visit.url(f"/exchanges/{one.id}")}


def _ring(visit: Visit) -> Ring:
    ring = exchanges_query.ring_of(visit.sources)
    if ring is None:
        raise Refused(404, NONE)
    return ring


async def _facts(visit: Visit) -> dict[str, Any]:
    kept = _ring(visit).find(visit.params["request_id"])
    if kept is None:
        raise Refused(404, GONE)
    return {
        "exchange": exchanges_query.scrubbed(kept),
        "lines": visit.sources.lines_of(kept.id),
        "trace": await asked(visit.sources.tracing, kept.trace_id),
        "issue": await _issue_of(visit, kept),
    }


async def _issue_of(visit: Visit, kept: Kept) -> str | None:
    """Return the id of the issue that an exchange left, if the store tells."""
    inbox = visit.sources.inbox
    if inbox is None or (kept.outcome == "ok" and not kept.error):
        return None
    try:
        found = await inbox.entries(search=kept.id, limit=20)
    except StoreError:
        return None
    for entry in found.items:
        if entry.request.get("id") == kept.id or kept.id in entry.also:
            return entry.issue
    return None

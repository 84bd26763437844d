"""The Issues page: what goes wrong, how often, since when; filtered and resolved."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from steadfastapi.console import queries
from steadfastapi.console.pages import issues_query, issues_stream
from steadfastapi.console.pages.chart import spark
from steadfastapi.console.pages.issues_query import ALL, FILTERS, OFF
from steadfastapi.console.visit import Page
from steadfastapi.exceptions import StoreError

if TYPE_CHECKING:
    from starlette.responses import Response

    from steadfastapi.console.sources import Sources
    from steadfastapi.console.visit import Visit
    from steadfastapi.inbox.query import Page as Found
    from steadfastapi.inbox.store import Issue

EVENTS = (
    *("unhandled_exception", "handled_exception", "http_exception"),
    *("validation_error", "http_error", "background_exception"),
    *("websocket_exception", "log", "loop_error", "exception", "message"),
)
"""What the inbox itself calls events; `push` may have others."""
RANGES = {"1h": "last hour", "24h": "last 24 hours", "7d": "last 7 days"}
STATES = {
    "open": "Open",
    "resolved": "Resolved",
    "ignored": "Ignored",
    ALL: "All",
}
SORTS = {"last_seen": "latest", "first_seen": "newest", "count": "most frequent"}


def pages(sources: Sources) -> list[Page]:  # noqa: ARG001 - the same for all
    """Return the page and its API."""
    return [
        Page(path="/issues", handler=show, title="Issues", nav=True),
        Page(path="/issues/change", handler=change, methods=("POST",)),
        Page(path="/api/issues", handler=listed),
        Page(path="/api/issues/stream", handler=issues_stream.all_issues),
        *(
            Page(path=f"/api/issues/{action}", handler=change_listed, methods=("POST",))
            for action in issues_query.ACTIONS
        ),
    ]


async def show(visit: Visit) -> Response:
    """Show issues, open ones where no filter says otherwise."""
    given = visit.filters(*FILTERS)
    inbox = visit.sources.inbox
    found: Found[Issue] | None = None
    problem = "" if inbox is not None else OFF
    if inbox is not None:
        try:
            found = await issues_query.found(inbox, given, state="open")
        except StoreError as error:
            problem = f"The store of the inbox does not answer: {error}"
    items = found.items if found else ()
    kept = {name: value for name, value in given.items() if name != "cursor"}
    return await visit.render(
        "issues.html",
        status=200 if found or inbox is None else 503,
        issues=[(one, spark(one.spark)) for one in items],
        problem=problem,
        inbox=inbox.status() if inbox is not None else None,
        given={**dict.fromkeys(FILTERS, ""), "state": "open", **given},
        kept=kept,
        filtered=bool(kept.keys() - {"state", "sort", "limit"}),
        following=found.next if found else None,
        now=time.time(),
        events=sorted({*EVENTS, *(one.event for one in items)}),
        routes=sorted({one.route for one in items if one.route}),
        states=STATES,
        sorts=SORTS,
        ranges=RANGES,
    )


async def listed(visit: Visit) -> Response:
    """Return issues as JSON, of all states where no filter says otherwise."""
    inbox = issues_query.inbox_of(visit.sources)
    found = await issues_query.found(inbox, visit.filters(*FILTERS))
    return queries.items([as_json(visit, one) for one in found.items], found.next)


async def change(visit: Visit) -> Response:
    """Change the issues that were ticked, and go back to the list."""
    issues = issues_query.identities(visit.form.every("issue"))
    await issues_query.change(visit, visit.form.get("action"), issues)
    return visit.back("/issues")


async def change_listed(visit: Visit) -> Response:
    """Change the issues that `ids` names."""
    action = visit.page.path.rpartition("/")[2]
    issues = issues_query.identities(visit.form.every("ids"))
    changed = await issues_query.change(visit, action, issues)
    return queries.answer({"changed": changed})


def as_json(visit: Visit, issue: Issue) -> dict[str, Any]:
    """Return an issue as the API has it."""
    return {**asdict(issue), "url": visit.url(f"/issues/{issue.id}")}

"""The Issue page: one error, with all that this worker knows of it."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from steadfastapi.console import filters, queries
from steadfastapi.console.pages import (
    chart,
    issue_trail,
    issues,
    issues_query,
    issues_stream,
)
from steadfastapi.console.pages.issue_markdown import as_markdown
from steadfastapi.console.pages.issue_stack import groups
from steadfastapi.console.pages.waterfall import asked
from steadfastapi.console.queries import Refused
from steadfastapi.console.visit import Page
from steadfastapi.exceptions import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.responses import Response

    from steadfastapi.console.pages.chart import Chart
    from steadfastapi.console.pages.waterfall import Waterfall
    from steadfastapi.console.sources import Sources
    from steadfastapi.console.visit import Visit
    from steadfastapi.inbox.entry import Entry
    from steadfastapi.inbox.query import Page as Found
    from steadfastapi.inbox.store import Issue

OCCURRENCES = 10
"""Of one page."""
HOUR = 3_600
GONE = "There is no such issue: it was deleted, or its id is wrong."


def pages(sources: Sources) -> list[Page]:  # noqa: ARG001 - the same for all
    """Return the page and its API."""
    return [
        Page(path="/issues/{issue}", handler=show, title="Issue"),
        Page(path="/issues/{issue}/change", handler=change, methods=("POST",)),
        Page(path="/api/issues/{issue}", handler=told),
        Page(path="/api/issues/{issue}/occurrences", handler=occurrences),
        Page(path="/api/issues/{issue}/stream", handler=issues_stream.one_issue),
        *(
            Page(
                path=f"/api/issues/{{issue}}/{action}",
                handler=change_told,
                methods=("POST",),
            )
            for action in issues_query.ACTIONS
        ),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An issue and one of its entries."""

    issue: Issue
    entry: Entry | None
    """None where all of them were deleted for their age or number."""
    lines: list[dict[str, Any]]
    """Log lines of its request."""
    trace: Waterfall | None


async def show(visit: Visit) -> Response:
    """Show an issue, by default with its latest entry."""
    given = visit.filters("entry", "cursor")
    inbox = visit.sources.inbox
    if inbox is None:
        raise Refused(404, issues_query.OFF)
    try:
        shown = await _told(visit, given.get("entry"))
        found = await _occurrences(visit, cursor=given.get("cursor"), limit=OCCURRENCES)
    except StoreError as error:
        raise Refused(503, f"The store of the inbox does not answer: {error}") from None
    return await visit.render(
        "issue.html",
        title=shown.issue.title,
        issue=shown.issue,
        entry=shown.entry,
        lines=shown.lines,
        trace=shown.trace,
        complete=_complete(shown, found.items),
        chosen=given.get("entry", ""),
        occurrences=found.items,
        following=found.next,
        first_page="cursor" not in given,
        hours=hours(shown.issue, time.time()),
        markdown=as_markdown(shown.issue, shown.entry, shown.lines),
        release=visit.sources.service.release,
        stacks=[(fault, groups(fault.frames)) for fault in shown.entry.faults]
        if shown.entry
        else [],
        now=time.time(),
    )


async def told(visit: Visit) -> Response:
    """Return an issue as JSON, with its latest entry, log lines and trace."""
    shown = await _told(visit, visit.filters("entry").get("entry"))
    return queries.answer(
        {
            **issues.as_json(visit, shown.issue),
            "latest": shown.entry.as_dict() if shown.entry else None,
            "log_lines": shown.lines,
            "trace": asdict(shown.trace) if shown.trace else None,
        }
    )


async def occurrences(visit: Visit) -> Response:
    """Return the entries of an issue as JSON, latest first."""
    given = visit.filters("limit", "cursor")
    inbox = issues_query.inbox_of(visit.sources)
    identity = issues_query.identity(visit.params["issue"])
    found = await inbox.entries(issue=identity, **given)
    if not found.items and await inbox.get(identity) is None:
        raise Refused(404, GONE)
    return queries.items([one.as_dict() for one in found.items], found.next)


async def change(visit: Visit) -> Response:
    """Resolve, ignore or reopen an issue, and show it again."""
    identity = issues_query.identity(visit.params["issue"])
    if not await issues_query.change(visit, visit.form.get("action"), [identity]):
        raise Refused(404, GONE)
    return visit.back(f"/issues/{identity}")


async def change_told(visit: Visit) -> Response:
    """Do the same for API clients; answer the issue as it is now."""
    identity = issues_query.identity(visit.params["issue"])
    action = visit.page.path.rpartition("/")[2]
    await issues_query.change(visit, action, [identity])
    issue = await issues_query.inbox_of(visit.sources).get(identity)
    if issue is None:
        raise Refused(404, GONE)
    return queries.answer(issues.as_json(visit, issue))


def hours(issue: Issue, now: float) -> Chart:
    """Return how often an issue happened in each of the last 24 hours."""
    last = now // HOUR * HOUR
    count = len(issue.spark)
    frame = chart.Frame(
        id="hours",
        title="Last 24 hours",
        times=[last - (count - 1 - place) * HOUR for place in range(count)],
        written=filters.number,
        every=6,
        least=1,
    )
    series = chart.Series(name="happened", style="error", values=issue.spark)
    total, most = sum(issue.spark), max(issue.spark, default=0)
    summary = (
        f"{filters.counted(total, 'time')} in the last 24 hours, "
        f"at most {filters.number(most)} in an hour."
    )
    return chart.bars(frame, [series], summary)


def _complete(shown: Told, others: Iterable[Entry]) -> Entry | None:
    """Return an occurrence that has log lines and a trace, if the shown one has not."""
    if shown.lines or (shown.trace and shown.trace.rows):
        return None
    return next((one for one in others if one.trail), None)


async def _told(visit: Visit, chosen: str | None) -> Told:
    inbox = issues_query.inbox_of(visit.sources)
    identity = issues_query.identity(visit.params["issue"])
    issue = await inbox.get(identity)
    if issue is None:
        raise Refused(404, GONE)
    entry = await _entry(visit, identity, chosen)
    request = entry.request if entry is not None else {}
    lines = visit.sources.lines_of(str(request.get("id") or ""))
    trace = await asked(visit.sources.tracing, request.get("trace_id"))
    trail = entry.trail if entry is not None else {}
    return Told(
        issue=issue,
        entry=entry,
        lines=lines or issue_trail.lines_of(trail),
        trace=trace if trace and trace.rows else issue_trail.trace_of(trail) or trace,
    )


async def _entry(visit: Visit, issue: str, chosen: str | None) -> Entry | None:
    inbox = issues_query.inbox_of(visit.sources)
    if chosen is None:
        found = await inbox.entries(issue=issue, limit=1)
        return found.items[0] if found.items else None
    entry = await inbox.entry(chosen)
    if entry is None or entry.issue != issue:
        raise Refused(404, "There is no such occurrence: it was deleted, or never was.")
    return entry


async def _occurrences(visit: Visit, **given: Any) -> Found[Entry]:
    inbox = issues_query.inbox_of(visit.sources)
    return await inbox.entries(issue=visit.params["issue"], **given)

"""Tells open pages that an issue is new, has changed, or is open again.

A change that this worker saw is told at once. What other workers write shows when the
store is asked, every two seconds while somebody looks.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any

from steadfastapi._streams import event, from_queue
from steadfastapi.console.pages import issues_query
from steadfastapi.exceptions import StoreError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from starlette.responses import Response

    from steadfastapi.console.visit import Visit
    from steadfastapi.inbox.store import Change, Issue

EVERY = 2.0
"""Seconds between two questions to the store."""
AT_ONCE = 0.3
"""Seconds between two questions however much happens."""
MAX_TOLD = 50
"""Issues of one event."""
MAX_WAITING = 16


async def all_issues(visit: Visit) -> Response:
    """Stream an event for each issue that is seen or changed."""
    since = _since(visit)
    inbox = issues_query.inbox_of(visit.sources)

    async def latest() -> list[Issue]:
        return list((await inbox.list(sort="last_seen", limit=MAX_TOLD)).items)

    return visit.stream(_events(visit, latest, since))


async def one_issue(visit: Visit) -> Response:
    """Stream an event whenever this one is seen or changed."""
    since = _since(visit)
    inbox = issues_query.inbox_of(visit.sources)
    identity = issues_query.identity(visit.params["issue"])

    async def this() -> list[Issue]:
        issue = await inbox.get(identity)
        return [] if issue is None else [issue]

    return visit.stream(_events(visit, this, since, identity))


def _since(visit: Visit) -> float:
    """Return when the page was made that listens: what came since is told at once."""
    text = visit.filters("since").get("since")
    return time.time() if text is None else issues_query.moment(text, "since")


async def _events(
    visit: Visit,
    ask: Callable[[], Awaitable[list[Issue]]],
    since: float,
    only: str = "",
) -> AsyncIterator[bytes]:
    inbox = issues_query.inbox_of(visit.sources)
    queue: asyncio.Queue[bytes] = asyncio.Queue(MAX_WAITING)
    loop = asyncio.get_running_loop()
    wake = asyncio.Event()

    def changed(change: Change) -> None:
        # Called in the writer's thread; the loop may have ended by now.
        if only in ("", change.issue):
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(wake.set)

    unsubscribe = inbox.subscribe(changed)
    watching = asyncio.create_task(_watch(queue, ask, wake, since))
    try:
        async for item in from_queue(queue, visit.still_in):
            yield item
    finally:
        unsubscribe()
        watching.cancel()


async def _watch(
    queue: asyncio.Queue[bytes],
    ask: Callable[[], Awaitable[list[Issue]]],
    wake: asyncio.Event,
    since: float,
) -> None:
    known: dict[str, Issue] | None = None
    while True:
        with contextlib.suppress(StoreError):  # the page says so when it is loaded
            issues = {one.id: one for one in await ask()}
            if known is None:
                older = [one for one in issues.values() if _is_older(one, since)]
                known = {one.id: one for one in older}
            for told in _differences(known, issues, since):
                await queue.put(event(told))
            known = issues
            since = max([since, *(one.last_seen for one in issues.values())])
        began = time.monotonic()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(wake.wait(), EVERY)
        wake.clear()
        await asyncio.sleep(max(0.0, AT_ONCE - (time.monotonic() - began)))


def _is_older(issue: Issue, since: float) -> bool:
    return max(issue.last_seen, issue.state_at or 0.0) <= since


def _differences(
    known: dict[str, Issue], issues: dict[str, Issue], since: float
) -> list[dict[str, Any]]:
    """Return what is different now, oldest first."""
    told = []
    for issue in issues.values():
        before = known.get(issue.id)
        if before is None:
            what = _since_then(issue, since)
        elif before.state != issue.state:
            what = "reopened" if issue.state == "open" else "state"
        elif before.count != issue.count:
            what = "changed"
        else:
            continue
        told.append(_told(what, issue))
    return told[::-1]


def _since_then(issue: Issue, since: float) -> str:
    """Return what has happened to an issue that was not among the latest before."""
    if issue.first_seen > since:
        return "new"
    if (issue.state_at or 0.0) > since:
        return "reopened" if issue.state == "open" else "state"
    return "changed"


def _told(what: str, issue: Issue) -> dict[str, Any]:
    return {
        "what": what,
        "id": issue.id,
        "title": issue.title,
        "level": issue.level,
        "state": issue.state,
        "count": issue.count,
        "last_seen": issue.last_seen,
    }

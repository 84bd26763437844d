"""The Settings page: what `configure` did, secrets masked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steadfastapi.console import queries
from steadfastapi.console.visit import Page

if TYPE_CHECKING:
    from starlette.responses import Response

    from steadfastapi.console.sources import Sources
    from steadfastapi.console.visit import Visit


def pages(sources: Sources) -> list[Page]:  # noqa: ARG001 - the same for all
    """Return the page and its API."""
    return [
        Page(path="/settings", handler=show, title="Settings", nav=True),
        Page(path="/api/settings", handler=told),
    ]


async def show(visit: Visit) -> Response:
    """Show the plan."""
    visit.filters()
    plan = _plan(visit.sources)
    return await visit.render("settings.html", plan=plan, service=visit.sources.service)


async def told(visit: Visit) -> Response:
    """Return what `steadfastapi plan --json` prints."""
    visit.filters()
    return queries.answer(_plan(visit.sources))


def _plan(sources: Sources) -> dict[str, Any]:
    # The one page that shows the stack as a whole.
    from steadfastapi._configure import stack_of  # noqa: PLC0415
    from steadfastapi._plan_data import as_data  # noqa: PLC0415

    stack = stack_of(sources.plan.app)
    if stack is None:
        raise queries.Refused(503, "The application is being configured.")
    return as_data(stack)

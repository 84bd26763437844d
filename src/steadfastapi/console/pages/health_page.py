"""The Health page: that of the health layer, inside of the console."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from steadfastapi._streams import event, polled
from steadfastapi.console import queries
from steadfastapi.console.queries import Refused
from steadfastapi.console.visit import Page

if TYPE_CHECKING:
    from starlette.responses import Response

    from steadfastapi.console.sources import Sources
    from steadfastapi.console.visit import Visit

OFF = "The health checks are off."
EVERY = 1.0
"""Seconds between two looks at the states."""
ANEW = 10.0
"""Seconds after which the page is loaded anew although no state has changed."""


def pages(sources: Sources) -> list[Page]:  # noqa: ARG001 - the same for all
    """Return the page, its API and the switch of maintenance."""
    return [
        Page(path="/health", handler=show, title="Health", nav=True),
        Page(path="/health", handler=switch, methods=("POST",)),
        Page(path="/api/health", handler=told),
        Page(path="/api/health/stream", handler=follow),
    ]


async def show(visit: Visit) -> Response:
    """Show every probe, as the page of the health layer does."""
    visit.filters()
    health = visit.sources.health
    if health is None or health.dashboard is None:
        return await visit.render("absent.html", sentence=OFF)
    return await visit.render(
        "health_dashboard.html",
        switch=visit.url("/health"),
        stream=visit.url("/api/health/stream"),
        may_switch=True,
        why_not="",
        **await health.dashboard.context(),
    )


async def told(visit: Visit) -> Response:
    """Return the probes of this worker."""
    visit.filters()
    health = visit.sources.health
    if health is None:
        raise Refused(404, OFF)
    checks = tuple(health.checks)
    await health.checks.fresh(checks)
    return queries.items([_probe(check) for check in checks])


async def switch(visit: Visit) -> Response:
    """Begin or end maintenance."""
    health = visit.sources.health
    if health is None or health.dashboard is None:
        raise Refused(404, OFF)
    action, minutes = visit.form.get("action"), visit.form.get("minutes")
    try:
        await health.dashboard.switch(action, minutes)
    except ValueError as error:
        raise Refused(422, str(error)) from None
    visit.audit("maintenance", maintenance=action, minutes=minutes or None)
    return visit.redirect("/health")


async def follow(visit: Visit) -> Response:
    """Say when it is time to look again."""
    visit.filters()
    health = visit.sources.health
    if health is None:
        raise Refused(404, OFF)
    return visit.stream(polled(_Looks(health), EVERY, visit.still_in))


class _Looks:
    """Tells when a state has changed, and now and then that time has passed."""

    def __init__(self, health: Any) -> None:
        self._health = health
        self._known = _states(health)
        self._at = time.monotonic()

    def __call__(self) -> bytes | None:
        states, now = _states(self._health), time.monotonic()
        if states == self._known and now < self._at + ANEW:
            return None
        self._known, self._at = states, now
        return event({})


def _states(health: Any) -> list[Any]:
    found: list[Any] = [(one.name, one.standing.status) for one in health.checks]
    return [*found, health.phases.current]


def _probe(check: Any) -> dict[str, Any]:
    return {
        "name": check.name,
        "status": check.standing.status,
        "critical": check.critical,
        "last_success": check.last_success,
    }

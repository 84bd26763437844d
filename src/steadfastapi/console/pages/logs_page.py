"""The Logs page: the last lines, those that come, and the level of all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steadfastapi._streams import event, polled
from steadfastapi.console import queries
from steadfastapi.console.queries import Refused
from steadfastapi.console.visit import Page

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response

    from steadfastapi.console.log_ring import Kept, LogRing
    from steadfastapi.console.sources import Sources
    from steadfastapi.console.visit import Visit
    from steadfastapi.logs.layer import LogControl

LEVELS = ("debug", "info", "warning", "error", "critical")
FILTERS = ("level", "search", "request_id", "logger")
PAGING = ("limit", "cursor")
OFF = "The logs layer is off."
EVERY = 0.5
"""Seconds between two looks at the ring while somebody follows it: so following costs
the requests nothing."""
AT_ONCE = 200
"""Lines of one event; of a flood, the last ones."""
_OWN = ("timestamp", "level", "event", "request_id", "trace_id", "span_id")
"""What a line on the page has in places of its own, or in its exchange."""


def pages(sources: Sources) -> list[Page]:  # noqa: ARG001 - the same for all
    """Return the page, its API and the switch."""
    return [
        Page(path="/logs", handler=show, title="Logs", nav=True),
        Page(path="/logs/level", handler=switch, methods=("POST",)),
        Page(path="/api/logs", handler=told),
        Page(path="/api/logs/stream", handler=follow),
        Page(path="/api/logs/level", handler=level_told),
        Page(path="/api/logs/level", handler=level_set, methods=("POST",)),
    ]


async def show(visit: Visit) -> Response:
    """Show the last lines, latest first."""
    given = visit.filters(*FILTERS, *PAGING)
    ring, control = visit.sources.log_ring, visit.sources.logs
    found, following = _page(ring, given) if ring is not None else ([], None)
    kept = {name: value for name, value in given.items() if name != "cursor"}
    wanted = {name: given[name] for name in FILTERS if name in given}
    return await visit.render(
        "logs.html",
        problem=OFF if control is None else "",
        level=control.level if control is not None else "",
        levels=[name.upper() for name in LEVELS],
        shared=visit.sources.level.is_shared,
        lines=[shown(one) for one in found],
        following=visit.url("/logs", **{**kept, "cursor": following or ""}),
        has_more=following is not None,
        given={**dict.fromkeys((*FILTERS, *PAGING), ""), **given},
        stream=visit.url("/api/logs/stream", **wanted) if "cursor" not in given else "",
    )


async def told(visit: Visit) -> Response:
    """Return the last lines of this worker, latest first."""
    given = visit.filters(*FILTERS, *PAGING)
    ring = _ring(visit)
    found, following = _page(ring, given)
    return queries.items(
        [{"number": one.number, **one.line} for one in found], following
    )


async def follow(visit: Visit) -> Response:
    """Send the lines that come, as events."""
    given = visit.filters(*FILTERS)
    ring, fits = _ring(visit), _matching(given)
    return visit.stream(polled(_Tail(ring, fits), EVERY, visit.still_in))


async def level_told(visit: Visit) -> Response:
    """Return the level of this worker."""
    visit.filters()
    return queries.answer({"level": _control(visit).level})


async def level_set(visit: Visit) -> Response:
    """Change the level of this worker."""
    _set(visit)
    return queries.answer({"level": _control(visit).level})


async def switch(visit: Visit) -> Response:
    """Change the level, and go back to the page."""
    _set(visit)
    return visit.back("/logs")


def shown(kept: Kept) -> dict[str, Any]:
    """Return a line as the template and the script show it."""
    line = kept.line
    fields = {name: value for name, value in line.items() if name not in _OWN}
    return {
        "number": kept.number,
        "time": str(line.get("timestamp", ""))[11:23],
        "timestamp": str(line.get("timestamp", "")),
        "level": str(line.get("level", "")),
        "event": str(line.get("event", "")),
        "request_id": str(line.get("request_id", "")),
        "fields": [(name, str(value)) for name, value in fields.items()],
    }


def _set(visit: Visit) -> None:
    control = _control(visit)
    level, logger = visit.form.get("level"), visit.form.get("logger").strip() or None
    before = control.level
    try:
        visit.sources.level.switch(level[:16], logger and logger[:128])
    except ValueError as error:
        raise Refused(422, str(error)) from None
    visit.audit("log_level", level=control.level, before=before, logger_name=logger)


def _page(ring: LogRing, given: dict[str, str]) -> tuple[list[Kept], str | None]:
    fits, most = _matching(given), queries.limit(given)
    before = queries.decode(given.get("cursor"), int)
    found: list[Kept] = []
    for one in reversed(ring.since()):
        if (before is None or one.number < before[0]) and fits(one):
            if len(found) == most:
                return found, queries.encode(found[-1].number)
            found.append(one)
    return found, None


def _matching(given: dict[str, str]) -> Callable[[Kept], bool]:
    """Return what tells whether a line is wanted: from a level on, with a text."""
    level = queries.one_of(given, "level", LEVELS)
    wanted = frozenset(LEVELS[LEVELS.index(level) :]) if level else None
    text = given.get("search", "").lower()
    exact = {name: given[name] for name in ("request_id", "logger") if name in given}

    def fits(one: Kept) -> bool:
        line = one.line
        if wanted is not None and line.get("level") not in wanted:
            return False
        if any(line.get(name) != value for name, value in exact.items()):
            return False
        return not text or any(text in str(value).lower() for value in line.values())

    return fits


class _Tail:
    """Finds the lines that came since the last look."""

    def __init__(self, ring: LogRing, fits: Callable[[Kept], bool]) -> None:
        self._ring = ring
        self._fits = fits
        self._known = ring.latest

    def __call__(self) -> bytes | None:
        fresh = self._ring.since(self._known)
        if not fresh:
            return None
        self._known = fresh[-1].number
        wanted = [shown(one) for one in fresh if self._fits(one)]
        return event(wanted[-AT_ONCE:]) if wanted else None


def _ring(visit: Visit) -> LogRing:
    ring = visit.sources.log_ring
    if ring is None:
        raise Refused(404, OFF)
    return ring


def _control(visit: Visit) -> LogControl:
    control = visit.sources.logs
    if control is None:
        raise Refused(404, OFF)
    return control

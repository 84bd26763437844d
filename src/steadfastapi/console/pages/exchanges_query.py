"""What the Exchanges pages ask the ring, and what it may show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steadfastapi._middleware import KNOWN_METHODS
from steadfastapi._scrub import scrub, scrub_text
from steadfastapi.console import queries
from steadfastapi.console.queries import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from steadfastapi.console.ring import Kept, Ring
    from steadfastapi.console.sources import Sources

FILTERS = ("status", "route", "method", "min_ms", "id", "limit", "cursor")
CLASSES = ("2xx", "3xx", "4xx", "5xx", "aborted")
METHODS = (*sorted(KNOWN_METHODS), "OTHER", "WEBSOCKET")
MAX_MS = 86_400_000
FIRST, LAST = 100, 599


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchanged:
    """One exchange, scrubbed."""

    id: str
    kind: str
    method: str
    path: str
    route: str | None
    status: int | None
    outcome: str
    at: float
    """Unix time."""
    duration_ms: float
    first_byte_ms: float | None
    client: str | None
    trace_id: str | None
    request_size: int
    response_size: int
    error: str
    fields: dict[str, Any]


def ring_of(sources: Sources) -> Ring | None:
    """Return what remembers the exchanges of this worker."""
    ring: Ring | None = sources.extras.get("exchanges")
    return ring


def wanted(given: Mapping[str, str]) -> Callable[[Kept], bool]:
    """Return whether an exchange passes the filters.

    Raises:
        Refused: 422, a filter is not what it should be.
    """
    status = _status(given.get("status"))
    method = queries.one_of(given, "method", METHODS)
    least = queries.whole(given, "min_ms", default=0, least=0, most=MAX_MS) / 1000
    route, identity = given.get("route"), given.get("id")

    def passes(one: Kept) -> bool:
        return (
            status(one)
            and (method is None or one.method == method)
            and (route is None or (one.route or "none") == route)
            and (identity is None or one.id == identity)
            and one.seconds >= least
        )

    return passes


def found(ring: Ring, given: Mapping[str, str]) -> tuple[list[Exchanged], str | None]:
    """Return a page of exchanges, latest first, and the cursor of the next one."""
    passes = wanted(given)
    limit = queries.limit(given)
    after = queries.decode(given.get("cursor"), float, str)
    rows = [
        one
        for one in ring.everything()
        if (after is None or (one.at, one.id) < after) and passes(one)
    ]
    shown = rows[:limit]
    more = len(rows) > limit
    following = queries.encode(shown[-1].at, shown[-1].id) if more else None
    return [scrubbed(one) for one in shown], following


def scrubbed(kept: Kept) -> Exchanged:
    """Return an exchange as it may be shown."""
    return Exchanged(
        id=kept.id,
        kind=kept.kind,
        method=kept.method,
        path=scrub_text(kept.path, 2048),
        route=kept.route,
        status=kept.status,
        outcome=kept.outcome,
        at=kept.at,
        duration_ms=round(kept.seconds * 1000, 3),
        first_byte_ms=None
        if kept.first_byte is None
        else round(kept.first_byte * 1000, 3),
        client=kept.client,
        trace_id=kept.trace_id,
        request_size=kept.request_size,
        response_size=kept.response_size,
        error=kept.error,
        fields=scrub(dict(kept.fields)),
    )


def _status(text: str | None) -> Callable[[Kept], bool]:
    if text is None:
        return lambda _: True
    if text == "aborted":
        return lambda one: one.outcome == text
    if text in CLASSES:
        number = int(text[0])
        return lambda one: (one.status or 0) // 100 == number
    if text.isascii() and text.isdecimal() and FIRST <= int(text) <= LAST:
        code = int(text)
        return lambda one: one.status == code
    known = ", ".join(CLASSES)
    raise Refused(422, f"status is {text[:32]!r}: use one of {known}, or a code.")

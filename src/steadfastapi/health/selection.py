"""`?probe=` and `?tag=`: which checks a request is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.requests import Request

    from steadfastapi.health.check import Check
    from steadfastapi.health.checks import Checks

MAX_SHOWN = 100


class UnknownFilterError(LookupError):
    """A filter names nothing that there is."""


def selected(request: Request, checks: Checks) -> tuple[Check, ...]:
    """Return the checks that a request asks for; all of them without a filter.

    Several names or tags are separated by commas, or given several times; with both
    filters a check has to satisfy both.

    Raises:
        UnknownFilterError: A name or tag is unknown; the message is for the client.
    """
    chosen = tuple(checks)
    names, tags = _values(request, "probe"), _values(request, "tag")
    for name in names:
        if checks.named(name) is None:
            raise UnknownFilterError(f"Unknown probe: {name[:MAX_SHOWN]!r}")
    for tag in tags:
        if not any(tag in check.tags for check in chosen):
            raise UnknownFilterError(f"Unknown tag: {tag[:MAX_SHOWN]!r}")
    if names:
        chosen = tuple(check for check in chosen if check.name in names)
    if tags:
        chosen = tuple(check for check in chosen if check.tags & tags)
    if (names or tags) and not chosen:
        raise UnknownFilterError("No probe has all of that")
    return chosen


def _values(request: Request, parameter: str) -> frozenset[str]:
    given = request.query_params.getlist(parameter)
    parts = (part.strip() for text in given for part in text.split(","))
    return frozenset(part for part in parts if part)

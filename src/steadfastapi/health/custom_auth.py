"""Authentication by the application: a function of the request, or a dependency."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steadfastapi._authentication import Asked, solving
from steadfastapi.health.verdict import GRANTED, UNAVAILABLE, Check, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi.params import Depends
    from starlette.requests import Request


def by_function(function: Callable[[Any], Any]) -> Check:
    """Return the check that asks a function of the request, async or not."""
    asked = Asked(function)

    async def check(request: Request) -> Verdict:
        return GRANTED if await asked(request) else Verdict(granted=False)

    return check


def by_dependency(depends: Depends, app: Any) -> Check:
    """Return a check that lets FastAPI solve a dependency, as for any route."""
    solve = solving(depends, app)

    async def check(request: Request) -> Verdict:
        solved = await solve(request)
        if solved.status is None:
            return UNAVAILABLE
        if solved.has_passed:
            return GRANTED  # anything else is a refusal
        return Verdict(granted=False, status=solved.status, headers=solved.challenge)

    return check

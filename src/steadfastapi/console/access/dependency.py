"""The application's own authentication, asked for each visit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.params import Depends

from steadfastapi._authentication import Asked, solving
from steadfastapi._scrub import scrub_text
from steadfastapi.console.access.identity import MAX_NAME, Identity, Refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request

NAMES = ("email", "username", "user_id", "name", "sub", "id")
"""Where a user's name is looked for, as attribute or key, in this order."""


def asked(given: Any, app: Any) -> Callable[[Request], Awaitable[Identity | Refusal]]:
    """Return what asks a dependency, `Depends(…)`, or a function of the request.

    Both let in by returning something true: a dependency that returns None may have
    found nobody, and the console shows too much to guess.
    """
    if not isinstance(given, Depends):
        function = Asked(given)

        async def ask(request: Request) -> Identity | Refusal:
            return _judged(await function(request), request)

        return ask
    solve = solving(given, app)

    async def ask_dependency(request: Request) -> Identity | Refusal:
        solved = await solve(request)
        if solved.status is None:
            return Refusal(status=503, reason="the dependency answered nothing")
        if not solved.has_passed:
            status = solved.status if solved.status in (401, 403) else 503
            detail = "Not authenticated" if status == 401 else "Forbidden"  # noqa: PLR2004
            return Refusal(
                status=status,
                reason=f"the dependency said {solved.status}",
                detail=detail,
            )
        return _judged(solved.value, request)

    return ask_dependency


def _judged(value: Any, request: Request) -> Identity | Refusal:
    if value:
        return Identity(name=_name(value, request), method="dependency")
    what = f"the dependency returned {value!r:.32}: return who the caller is, or True"
    return Refusal(status=403, reason=what, detail="Forbidden")


def _name(value: Any, request: Request) -> str:
    """Return what to call somebody in the audit log; never a secret that was sent."""
    sent = f"{request.headers.get('authorization')} {request.headers.get('cookie')}"
    for found in (value, *(_of(value, name) for name in NAMES)):
        if isinstance(found, (str, int)) and not isinstance(found, bool):
            text = str(found)
            if text and text not in sent:
                return scrub_text(text, MAX_NAME)
    return "dependency"


def _of(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        mapping: Mapping[str, Any] = value
        return mapping.get(name)
    return getattr(value, name, None)

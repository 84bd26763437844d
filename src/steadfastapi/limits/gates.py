"""Where a matched route is stopped: at its own `handle`, before it reads anything.

The layer's middleware stands before the router and knows no route yet; to match the
routes there would be to match them twice. Every generation of routing ends in
`route.handle(scope, …)`, with what was matched in the scope. So when the application
is complete, the `handle` of each limited route gets a gate, on that object alone. A
gate belongs to no application: it asks what the middleware left in the scope, and
opens where there is nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from starlette.routing import BaseRoute, Host, Mount

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from starlette.types import Receive, Scope, Send

PASSAGE_KEY = "steadfastapi.limits"
"""Where the request's way through the limits is kept in the scope."""

_GATED = "__steadfastapi_gate__"
_MAX_DEPTH = 16


class Passage(Protocol):
    """One request's way through the limits."""

    decided: bool

    async def enter(
        self, route: Any, handle: Any, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Decide, then let `handle` serve the request or refuse it."""


@dataclass(frozen=True, slots=True)
class Place:
    """A route, and what says its endpoint, methods and dependencies."""

    route: BaseRoute
    """Whose `handle` is called."""
    effective: Any
    """The route itself, or FastAPI's context of an included one (0.137 and newer)."""


def places(routes: Sequence[BaseRoute], depth: int = 0) -> Iterator[Place]:
    """Yield every route of an application, those below routers and mounts included."""
    if depth > _MAX_DEPTH:
        return  # a mount that contains itself
    for place in _flat(routes):
        inner: Sequence[BaseRoute] = ()
        if isinstance(place.effective, (Mount, Host)):
            inner = place.effective.routes or ()
        if inner:
            yield from places(inner, depth + 1)
        else:
            yield place


def _flat(routes: Sequence[BaseRoute]) -> Iterator[Place]:
    for route in routes:
        contexts = getattr(route, "effective_route_contexts", None)
        if contexts is None:
            yield Place(route, route)
            continue
        for context in contexts():
            # What is not FastAPI's own is copied into the context, and called there.
            copied = context.starlette_route
            if copied is not None:
                yield Place(copied, copied)
            else:
                yield Place(context.original_route, context)


def effective(route: Any, scope: Scope) -> Any:
    """Return what says the endpoint, methods and dependencies of a matched route."""
    context = (scope.get("fastapi") or {}).get("effective_route_context")
    if context is not None and context.original_route is route:
        return context
    return route


def close(route: Any) -> None:
    """Put a gate before a route, unless it has one."""
    handle: Callable[..., Any] = route.handle
    if hasattr(handle, _GATED):
        return

    async def gated(scope: Scope, receive: Receive, send: Send) -> None:
        passage: Passage | None = scope.get(PASSAGE_KEY)
        if passage is None or passage.decided:
            await handle(scope, receive, send)
        else:
            await passage.enter(route, handle, scope, receive, send)

    setattr(gated, _GATED, True)
    route.handle = gated

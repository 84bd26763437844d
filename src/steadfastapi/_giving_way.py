"""Pages that step back where the application has a route of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.routing import Match, Route

from steadfastapi._guard import guard
from steadfastapi._routes import endpoints

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import ASGIApp, Scope


class OwnRoutes:
    """What the application itself serves, listed once it is complete.

    Args:
        app: The application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._found: frozenset[tuple[str, str]] | None = None

    def has(self, path: str, method: str) -> bool:
        """Return whether there is a route of this path and method."""
        if self._found is None:
            self._found = frozenset(guard.call("routes", endpoints, self._app) or ())
        return (path, "GET" if method == "HEAD" else method) in self._found

    def among(self, pages: Iterable[Route]) -> list[str]:
        """Return the paths of those pages that step back."""
        return sorted(
            page.path
            for page in pages
            if any(self.has(page.path, method) for method in page.methods or ())
        )


class Page(Route):
    """A page of ours; a route of the application at its path is served instead.

    Many applications have a `/health` of their own, which somebody relies on.

    Args:
        path: Where.
        endpoint: What serves it.
        methods: Of the requests.
        own: What the application serves itself.
    """

    def __init__(
        self, path: str, endpoint: Any, *, methods: list[str], own: OwnRoutes
    ) -> None:
        super().__init__(path, endpoint, methods=methods, include_in_schema=False)
        self._own = own

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match unless the application has a route of its own."""
        if self._own.has(self.path, scope["method"]):
            return Match.NONE, {}
        return super().matches(scope)

"""The route template of a finished request, from its scope alone.

Routing writes what it matched into the scope, in a different way in each FastAPI
generation: flat routes (up to 0.136), a tree whose included routes keep their
prefix in an "effective route context" (from 0.137, fastapi#16051), and mounts,
which leave only the concrete path that they took off. Starlette's own routes leave
their endpoint at most (FastAPI 0.141 and newer, Starlette 1.3). Mounts and those
routes are listed once, when the application is complete; no route is ever matched a
second time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fastapi import routing as fastapi_routing
from fastapi.routing import APIRoute, APIWebSocketRoute
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Host, Match, Mount, Route, WebSocketRoute

from steadfastapi._predicates import path_in_app

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from starlette.types import ASGIApp, Receive, Scope, Send

_PARAMETER = re.compile(r"\{([^{}:]+)(?::([^{}]+))?\}")
_MAX_DEPTH = 16


@dataclass(frozen=True, slots=True)
class MountedApp:
    """An application mounted somewhere below the configured one."""

    template: str
    """Where, with every prefix: `/t/{tenant}`."""
    app: ASGIApp

    @property
    def covered(self) -> bool:
        """Whether the error contract can be given to it."""
        return isinstance(self.app, Starlette)


@dataclass(frozen=True, slots=True)
class RouteTable:
    """What a scope does not tell: templates of mounts and of Starlette's routes."""

    static: frozenset[str] = frozenset()
    patterns: tuple[tuple[re.Pattern[str], str], ...] = ()
    endpoints: Mapping[int, list[str]] = field(default_factory=dict)
    """Paths of Starlette's routes, below their mounts, by the id of the endpoint."""

    @classmethod
    def of(cls, app: ASGIApp) -> RouteTable:
        """Build the table of a complete application."""
        templates = {mount.template for mount in mounted_apps(app)}
        static = frozenset(t for t in templates if "{" not in t)
        dynamic = sorted(templates - static)
        endpoints: dict[int, list[str]] = {}
        for route, path, _ in _walk(getattr(app, "routes", ()), ""):
            if isinstance(route, (Route, WebSocketRoute)) and not isinstance(
                route, (APIRoute, APIWebSocketRoute)
            ):
                endpoints.setdefault(id(route.endpoint), []).append(path)
        patterns = tuple((_pattern(t), _plain(t)) for t in dynamic)
        return cls(static, patterns, endpoints)

    def own_path(self, scope: Scope) -> str | None:
        """Return the path of the Starlette route whose endpoint was called."""
        paths = self.endpoints.get(id(scope.get("endpoint")), ())
        if len(paths) > 1:
            below = path_in_app(scope)
            paths = [path for path in paths if _pattern(path).fullmatch(below)]
        return _plain(paths[0]) if paths else None

    def template(self, taken: str, path_params: dict[str, Any]) -> str:
        """Return the template of the path that mounts have taken off.

        A mount that was added after the start is not in the table; its parameters
        are then put back by value, so that no client can mint a new template.
        """
        if not taken or taken in self.static:
            return taken
        for pattern, template in self.patterns:
            if pattern.fullmatch(taken):
                return template
        names = {str(value): f"{{{name}}}" for name, value in path_params.items()}
        return "/".join(names.get(segment, segment) for segment in taken.split("/"))


def route_template(scope: Scope, table: RouteTable) -> str | None:
    """Return the full template of the route that served this scope.

    Args:
        scope: The scope after routing, e.g. once the response has started.
        table: What routing leaves out.

    Returns:
        `/users/{user_id}` with every router and mount prefix, without `root_path`;
        the mount's template where a mount is opaque or has no such route; None when
        nothing matched.
    """
    base = scope.get("app_root_path")
    prefix = ""
    if base is not None:
        taken = scope.get("root_path", "")[len(base) :]
        prefix = table.template(taken, scope.get("path_params") or {})
    path = _own_path(scope)
    if path is None:
        path = table.own_path(scope)
    if path is None:
        return prefix or None
    return (prefix + path) or "/"


def _own_path(scope: Scope) -> str | None:
    """The path of the innermost route, with its router's prefixes."""
    written = scope.get("fastapi") or {}
    file = written.get("frontend_path")
    if file is not None:  # `app.frontend`, named as in FastAPI's own spans
        return path_in_app(scope).removesuffix(file).rstrip("/") + "/{path}"
    context = written.get("effective_route_context")
    if context is not None and not isinstance(context.original_route, (Mount, Host)):
        effective = getattr(context, "starlette_route", None) or context
        return _path_format(effective)
    route = scope.get("route")
    if route is None or isinstance(route, (Mount, Host)):
        return None
    return _path_format(route)


def _path_format(route: object) -> str | None:
    path = getattr(route, "path_format", None)
    if path is None:
        path = getattr(route, "path", None)
    return path


def mounted_apps(app: ASGIApp) -> list[MountedApp]:
    """List every application mounted below `app`, routers and mounts included."""
    return [
        MountedApp(prefix + path.rstrip("/"), _unwrapped(route.app))
        for route, path, prefix in _walk(getattr(app, "routes", ()), "")
        if isinstance(route, (Mount, Host))
    ]


def templates(app: ASGIApp) -> list[tuple[str, BaseRoute]]:
    """List every route with its template, those below mounts included."""
    return [
        (_plain(prefix + path) or "/", route)
        for route, path, prefix in _walk(getattr(app, "routes", ()), "")
    ]


def endpoints(app: ASGIApp) -> list[tuple[str, str]]:
    """List template and method of every HTTP route, those below mounts included."""
    return [
        (template, method)
        for template, route in templates(app)
        for method in sorted(getattr(route, "methods", None) or ())
    ]


def _walk(
    routes: Sequence[BaseRoute], prefix: str, depth: int = 0
) -> Iterator[tuple[BaseRoute, str, str]]:
    """Yield each route with its path and the template of the mounts above it."""
    if depth > _MAX_DEPTH:
        return  # a mount that contains itself
    for route, path in _flat(routes):
        yield route, path, prefix
        if isinstance(route, (Mount, Host)):
            below = prefix + ("" if isinstance(route, Host) else path.rstrip("/"))
            inner = _unwrapped(route.app)
            yield from _walk(getattr(inner, "routes", ()), below, depth + 1)


def _flat(routes: Sequence[BaseRoute]) -> Iterator[tuple[BaseRoute, str]]:
    """Yield each route with its path, router prefixes included."""
    contexts = getattr(fastapi_routing, "iter_route_contexts", None)
    if contexts is not None:
        for context in contexts(routes):
            yield context.original_route, context.path or ""
        return
    for route in routes:
        nested = getattr(route, "effective_route_contexts", None)
        if nested is None:
            yield route, getattr(route, "path", "")
            continue
        for context in nested():  # 0.137.0 and 0.137.1
            effective = context.starlette_route or context
            yield context.original_route, getattr(effective, "path", "")


def _unwrapped(app: ASGIApp) -> ASGIApp:
    """Look through the middleware that `Mount(middleware=…)` puts around an app."""
    current: Any = app
    for _ in range(_MAX_DEPTH):
        if hasattr(current, "routes") or not hasattr(current, "app"):
            break
        current = current.app
    return app if not hasattr(current, "routes") else current


def _plain(template: str) -> str:
    """`/t/{tenant:int}` as it appears in records: `/t/{tenant}`."""
    return _PARAMETER.sub(lambda found: f"{{{found[1]}}}", template)


def _pattern(template: str) -> re.Pattern[str]:
    parts: list[str] = []
    position = 0
    for found in _PARAMETER.finditer(template):
        parts.append(re.escape(template[position : found.start()]))
        parts.append(".*" if found[2] == "path" else "[^/]+")
        position = found.end()
    parts.append(re.escape(template[position:]))
    return re.compile("".join(parts))


@dataclass(eq=False)
class OperationsRoute(BaseRoute):
    """All pages of steadfastapi behind one route.

    Matching is one dictionary look-up, however many pages there are, so that the
    application's own routes are found as fast as before. It stands first, where no
    catch-all route can hide it.
    """

    pages: dict[str, Route] = field(default_factory=dict)
    areas: dict[str, ASGIApp] = field(default_factory=dict)
    _starts: tuple[str, ...] = field(init=False, default=())

    def __post_init__(self) -> None:
        """Keep what a path below an area begins with."""
        self._starts = tuple(f"{path}/" for path in self.areas)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match the exact path of a page, or a path in an area."""
        if scope["type"] != "http":
            return Match.NONE, {}
        path = path_in_app(scope)
        page = self.pages.get(path)
        if page is not None:
            return page.matches(scope)
        area = self._area(path)
        if area is None or getattr(area, "steps_back", False):
            return Match.NONE, {}
        return Match.FULL, {"endpoint": area}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the page."""
        path = path_in_app(scope)
        page = self.pages.get(path)
        if page is not None:
            scope["route"] = page
            await page.handle(scope, receive, send)
            return
        area = self._area(path)
        if area is not None:
            await area(scope, receive, send)

    def _area(self, path: str) -> ASGIApp | None:
        if not self._starts:
            return None
        if path.startswith(self._starts):
            return next(
                serve
                for start, serve in self.areas.items()
                if path.startswith(f"{start}/")
            )
        return self.areas.get(path)

    def url_path_for(self, name: str, /, **path_params: Any) -> Any:
        """Find the address of a page by its name."""
        from starlette.routing import NoMatchFound  # noqa: PLC0415

        for page in self.pages.values():
            if page.name == name:
                return page.url_path_for(name, **path_params)
        raise NoMatchFound(name, path_params)

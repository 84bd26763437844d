"""Does this path belong to that group? One matcher for every layer.

Paths match exactly or by whole segments: `/health` covers `/health/live` and never
`/healthy-foods`, which a searched pattern would drop (ROUTE-8).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Scope

PathPredicate = Callable[[str], bool]

QUIET_PATHS = (
    "/health",
    "/health/live",
    "/health/ready",
    "/health/startup",
    "/healthz",
    "/livez",
    "/readyz",
    "/metrics",
)
"""Paths of health checks and scrapes: several calls a minute from machines, which
would bury the requests of people. Successful ones are neither logged nor traced nor
part of the request metrics. Exact paths: `/health/records` is some clinic's data."""


def under(*prefixes: str, exactly: Iterable[str] = ()) -> PathPredicate:
    """Return whether a path is one of `prefixes`, or lies below one.

    Args:
        *prefixes: Absolute paths; a trailing slash makes no difference.
        exactly: Paths that match without what lies below them.
    """
    roots = frozenset(prefix.rstrip("/") or "/" for prefix in prefixes)
    exact = roots | frozenset(exactly)
    below = tuple(prefix + "/" for prefix in roots if prefix != "/")

    def matches(path: str) -> bool:
        return path in exact or path.startswith(below)

    return matches


def path_in_app(scope: Scope) -> str:
    """Return the path that the application routes: without `root_path`.

    Servers differ in whether a stripped prefix is part of `path` (ASGI allows both).
    """
    path: str = scope["path"]
    root: str = scope.get("root_path") or ""
    if root and path.startswith(root):
        rest = path[len(root) :]
        if not rest or rest.startswith("/"):
            return rest
    return path

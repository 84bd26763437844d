"""Probes of the application's own routes. They watch, and take no pod away."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Unpack

from starlette.exceptions import HTTPException
from starlette.responses import Response

from steadfastapi._predicates import under
from steadfastapi.exceptions import ConfigurationError
from steadfastapi.health.options import MAX_NAME
from steadfastapi.health.passive import PassiveProbe, WatchOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from steadfastapi._exchange import Exchange

_logger = logging.getLogger("steadfastapi.health")

SERVER_ERROR = 500
MAX_ROUTES = 200
"""Routes that are discovered; each costs some 40 kB when it is busy."""


class RouteProbe(PassiveProbe):
    """Watches a route handler: durations, status codes, server errors.

        users = RouteProbe("users-api", max_error_rate=0.05)

        @app.get("/users")
        @users.watch
        async def list_users(): ...

    Never critical unless `add(…, critical=True)` says so: an error of a route is a bug
    that every replica has, and restarting or removing one mends nothing (WATCH-1).

    Args:
        name: Shown everywhere, unique in an application.
        min_error_status: HTTP status from which on an answer counts as an error.
        **options: Those of `PassiveProbe`.
    """

    name = "route"

    def __init__(
        self,
        name: str | None = None,
        *,
        min_error_status: int = SERVER_ERROR,
        **options: Unpack[WatchOptions],
    ) -> None:
        super().__init__(name, **options)
        self.min_error_status = min_error_status
        self.last_status: int | None = None

    def error_of(self, exception: BaseException) -> tuple[str, int]:
        """Return what an exception counts as; a 404 is an answer, not an error."""
        if not isinstance(exception, HTTPException):
            return type(exception).__name__, SERVER_ERROR
        status = exception.status_code
        failed = status >= self.min_error_status
        return type(exception).__name__ if failed else "", status

    def status_of(self, result: Any) -> tuple[str, int]:
        """Return what a result counts as."""
        status = result.status_code if isinstance(result, Response) else 200
        return f"HTTP {status}" if status >= self.min_error_status else "", status

    def record(self, seconds: float, error: str = "", status: int = 0) -> None:
        """Remember a call, and its status as the last one."""
        if status:
            self.last_status = status
        super().record(seconds, error, status)

    def traffic(self, summary: Any = None) -> dict[str, Any]:
        """Return the figures of the window, and the last status."""
        details = super().traffic(summary)
        if self.last_status is not None:
            details["last_status_code"] = self.last_status
        return details


FastAPIRouteProbe = RouteProbe
"""fastapi-watch's name."""


class Discovery:
    """Makes a probe for each route that is called; the route is not touched.

    Args:
        add: Adds a probe to the application's.
        include: Path prefixes of the routes that count; none means all.
        exclude: Path prefixes of those that do not.
        options: Options of each probe.
    """

    def __init__(
        self,
        add: Callable[[RouteProbe], Any],
        *,
        include: Iterable[str] = (),
        exclude: Iterable[str] = (),
        options: WatchOptions,
    ) -> None:
        included = tuple(include)
        self._add = add
        self._included = under(*included) if included else None
        self._excluded = under(*exclude)
        self._options = options
        self._probes: dict[tuple[str, str], RouteProbe | None] = {}

    def observe(self, exchange: Exchange) -> None:
        """Count a finished exchange for its route."""
        route = exchange.route
        if route is None or exchange.quiet or exchange.kind != "http":
            return
        key = (exchange.method, route)
        if key not in self._probes:
            if len(self._probes) >= MAX_ROUTES:
                return
            self._probes[key] = self._discovered(*key)
        probe = self._probes[key]
        if probe is None:
            return
        status = exchange.status or 0
        error = ""
        if status >= SERVER_ERROR:
            cause = exchange.error
            error = f"HTTP {status}" if cause is None else type(cause).__name__
        probe.record(exchange.duration, error, status)

    def _discovered(self, method: str, route: str) -> RouteProbe | None:
        if self._excluded(route):
            return None
        if self._included is not None and not self._included(route):
            return None
        name = f"{method} {route}".replace(",", ";")[:MAX_NAME]
        probe = RouteProbe(name, **self._options)
        try:
            self._add(probe)
        except ConfigurationError as error:
            # Two long paths may begin alike, and there may be too many probes.
            _logger.warning("a route is not watched: %s", error)
            return None
        return probe

"""Probes of the application's own routes. They watch, and take no pod away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from starlette.exceptions import HTTPException
from starlette.responses import Response

from steadfastapi.health.passive import PassiveProbe

if TYPE_CHECKING:
    from steadfastapi.health.passive import WatchOptions

SERVER_ERROR = 500


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

"""The application's answer to everything while it is in maintenance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

from steadfastapi._predicates import path_in_app

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

    from steadfastapi.health.phase import Phases

TRY_LATER = 1013
"""Close code of a WebSocket: try again later (IANA registry)."""


class MaintenanceMiddleware:
    """Answers 503 `{"detail"}` with `Retry-After` during maintenance.

    Args:
        app: The rest of the application.
        phases: Knows whether it is maintenance.
        is_ours: Whether a path is a page of steadfastapi: those stay reachable.
    """

    def __init__(
        self, app: ASGIApp, phases: Phases, is_ours: Callable[[str], bool]
    ) -> None:
        self.app = app
        self._phases = phases
        self._is_ours = is_ours

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or refuse."""
        refused = scope["type"] in ("http", "websocket") and (
            self._phases.in_maintenance and not self._is_ours(path_in_app(scope))
        )
        if not refused:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": TRY_LATER})
        else:
            response = JSONResponse(
                {"detail": "Service under maintenance"},
                status_code=503,
                headers={
                    "Retry-After": str(self._phases.retry_after),
                    "Cache-Control": "no-store",
                },
            )
            await response(scope, receive, send)

"""Pages that change something: maintenance and draining. Authenticated, always."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from steadfastapi.health.origin import is_foreign
from steadfastapi.health.pages import answer, refusal

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from steadfastapi.health.access import Access
    from steadfastapi.health.handle import HealthHandle

MAX_BODY = 4_096
YEAR_OF_MINUTES = 366 * 24 * 60
MAX_WAIT = 60.0

_logger = logging.getLogger("steadfastapi.health")


class MaintenanceRequest(BaseModel):
    """Body of `POST /health/maintenance`; none at all means without end."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    minutes: Annotated[float, Field(gt=0, le=YEAR_OF_MINUTES)] | None = None
    until: datetime | None = None


def minutes_from_now(written: str) -> datetime | None:
    """Return the time that a form's minutes lead to; None without any.

    Raises:
        ValueError: They are no number, or too many; the text is for the client.
    """
    if not written.strip():
        return None
    try:
        minutes = float(written)
    except ValueError:
        minutes = 0.0
    if not 0 < minutes <= YEAR_OF_MINUTES:
        raise ValueError(f"minutes: a number, at most {YEAR_OF_MINUTES}")
    return datetime.now(UTC) + timedelta(minutes=minutes)


class Switches:
    """Endpoints of maintenance and draining.

    Args:
        handle: What is switched.
        access: Who may.
    """

    def __init__(self, handle: HealthHandle, access: Access) -> None:
        self._handle = handle
        self._access = access

    async def maintenance(self, request: Request) -> Response:
        """Show maintenance (GET), begin it (POST) or end it (DELETE)."""
        if request.method in ("GET", "HEAD"):
            return await self._shown(request)
        refused = await self._refused(request)
        if refused is not None:
            return refused
        if request.method == "DELETE":
            self._handle.clear_maintenance()
        else:
            problem = await self._begin(request)
            if problem is not None:
                return problem
        await self._handle.maintenance.share()
        return answer(self._state())

    async def drain(self, request: Request) -> Response:
        """Turn readiness to 503; `?wait=10` answers ten seconds later.

        A preStop hook waits that way until no more traffic comes.
        """
        refused = await self._refused(request)
        if refused is not None:
            return refused
        try:
            wait = float(request.query_params.get("wait", "0"))
        except ValueError:
            wait = -1.0
        if not 0 <= wait <= MAX_WAIT:
            return answer({"detail": f"wait: seconds from 0 to {MAX_WAIT:g}"}, 422)
        self._handle.drain()
        await asyncio.sleep(wait)
        return answer({"status": "draining"})

    def _state(self) -> dict[str, Any]:
        phases = self._handle.phases
        return {"active": phases.in_maintenance, "until": phases.ends}

    async def _shown(self, request: Request) -> Response:
        state = self._state()
        if not (await self._access.details(request)).granted:
            return answer({"status": "maintenance" if state["active"] else "none"})
        return answer(state)

    async def _refused(self, request: Request) -> Response | None:
        if is_foreign(request):
            return answer({"detail": "Cross-site request"}, 403)
        if not self._access.configured:
            return answer(
                {"detail": "Set Health(auth=…) or Health(api_key=…) to allow this"}, 403
            )
        verdict = await self._access.change(request)
        if not verdict.granted:
            _logger.warning(
                "health switch refused", extra={"path": request.url.path[:256]}
            )
            return refusal(verdict)
        return None

    async def _begin(self, request: Request) -> Response | None:
        """Begin maintenance as the body says; returns what is wrong with it."""
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                return answer({"detail": "Request body too large"}, 413)
        kind = request.headers.get("content-type", "").partition(";")[0].strip()
        if body and kind.lower() != "application/json":
            return answer({"detail": "Send application/json"}, 415)
        try:
            asked = MaintenanceRequest.model_validate_json(body or b"{}")
        except ValidationError as error:
            # As everywhere, without the input (SEC-2).
            problems = error.errors(
                include_url=False, include_input=False, include_context=False
            )
            return answer({"detail": problems}, 422)
        until = asked.until
        if asked.minutes is not None:
            until = datetime.now(UTC) + timedelta(minutes=asked.minutes)
        elif until is not None:
            until = until if until.tzinfo is not None else until.replace(tzinfo=UTC)
            if until <= datetime.now(UTC):
                return answer({"detail": "until: is in the past"}, 422)
        self._handle.set_maintenance(until)
        return None

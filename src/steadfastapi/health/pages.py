"""The pages that orchestrators, operators and scrapers ask for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
from pydantic_core import to_jsonable_python
from starlette.responses import Response

from steadfastapi._scrub import safe_str
from steadfastapi.health.checks import overall
from steadfastapi.health.model import HealthSummary, ProbeStatus
from steadfastapi.health.selection import UnknownFilterError, selected

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request

    from steadfastapi.health.access import Access
    from steadfastapi.health.check import Check
    from steadfastapi.health.handle import HealthHandle
    from steadfastapi.health.verdict import Verdict

NO_STORE = {"Cache-Control": "no-store"}
QUICKLY = 0.1
"""Seconds that an authentication gets where an orchestrator waits: it needs no
details, and gives up after a second (HC-2)."""
UNREADY = frozenset({"unhealthy", "draining", "starting"})
"""States in which traffic should go elsewhere."""


def answer(
    body: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a JSON response that no cache keeps."""
    return Response(
        orjson.dumps(to_jsonable_python(body, fallback=safe_str)),
        status_code=status,
        media_type="application/json",
        headers={**NO_STORE, **(headers or {})},
    )


def refusal(verdict: Verdict) -> Response:
    """Return what a caller gets who may not."""
    details = {
        401: "Not authenticated",
        403: "Forbidden",
        503: "Authentication is unavailable",
    }
    detail = details.get(verdict.status, "Forbidden")
    return answer({"detail": detail}, verdict.status, verdict.headers)


class Pages:
    """Endpoints of one application; details only for those who may see them.

    Args:
        handle: What there is to say.
        access: Who may see details.
        version: Of the application.
    """

    def __init__(self, handle: HealthHandle, access: Access, version: str) -> None:
        self._handle = handle
        self._access = access
        self._version = version

    async def live(self, request: Request) -> Response:  # noqa: ARG002
        """The process serves requests; nothing else is asked (HC-1)."""
        return answer({"status": "ok"})

    async def summary(self, request: Request) -> Response:
        """One word for people and uptime monitors."""
        handle = self._handle
        status = await self.state(tuple(handle.checks))
        code = 503 if status in UNREADY else 200
        if not (await self._access.details(request, QUICKLY)).granted:
            return answer({"status": status}, code)
        body = HealthSummary(
            status=status, timestamp=datetime.now(UTC), version=self._version
        )
        return answer(body, code)

    async def ready(self, request: Request) -> Response:
        """Whether traffic should come here: 503 when it should not."""
        try:
            checks = selected(request, self._handle.checks)
        except UnknownFilterError as error:
            return answer({"detail": str(error)}, 404)
        return answer(*await self.readiness(request, checks))

    async def readiness(
        self, request: Request, checks: tuple[Check, ...]
    ) -> tuple[Any, int]:
        """Return body and status of readiness."""
        status = await self.state(checks)
        code = 503 if status in UNREADY else 200
        phase = self._handle.phases.current
        if phase is not None:
            return {"status": status}, code
        if not (await self._access.details(request, QUICKLY)).granted:
            return {"status": status}, code
        return self._handle.report(checks, status), code

    async def startup(self, request: Request) -> Response:  # noqa: ARG002
        """Whether the application has started; the gate of a startupProbe."""
        await self._handle.look_at_startup()
        if self._handle.phases.started:
            return answer({"status": "started"})
        return answer({"status": "starting"}, 503)

    async def status(self, request: Request) -> Response:
        """Every probe; 207 when one is not well."""
        try:
            checks = selected(request, self._handle.checks)
        except UnknownFilterError as error:
            return answer({"detail": str(error)}, 404)
        return answer(*await self.statuses(request, checks))

    async def statuses(
        self, request: Request, checks: tuple[Check, ...]
    ) -> tuple[Any, int]:
        """Return body and status of the probes, whatever phase it is."""
        await self._handle.checks.fresh(checks)
        status = overall(checks)
        unwell = (ProbeStatus.UNHEALTHY, ProbeStatus.DEGRADED)
        multi = any(check.standing.status in unwell for check in checks)
        code = 207 if multi else 200
        if not (await self._access.details(request)).granted:
            return {"status": status}, code
        return self._handle.report(checks, status), code

    async def history(self, request: Request) -> Response:
        """The last results of each probe, oldest first."""
        return await self._detailed(request, self._history)

    async def alerts(self, request: Request) -> Response:
        """The last state changes, oldest first."""
        return await self._detailed(request, self._alerts)

    async def probes(self, request: Request) -> Response:
        """Which probes there are, without asking them."""
        return await self._detailed(request, self._probes)

    async def metrics(self, request: Request) -> Response:
        """The probes for Prometheus."""
        return await self._detailed(request, self._metrics)

    async def state(self, checks: tuple[Check, ...]) -> str:
        """Return the state of the application: its phase, or that of its probes."""
        handle = self._handle
        await handle.look_at_startup()
        phase = handle.phases.current
        if phase is not None:
            return phase
        await handle.checks.fresh(checks)
        # It may have begun to drain while we waited.
        return handle.phases.current or overall(checks)

    async def _detailed(
        self,
        request: Request,
        show: Callable[[tuple[Check, ...]], Awaitable[Response]],
    ) -> Response:
        verdict = await self._access.details(request)
        if not verdict.granted:
            return refusal(verdict)
        try:
            checks = selected(request, self._handle.checks)
        except UnknownFilterError as error:
            return answer({"detail": str(error)}, 404)
        return await show(checks)

    async def _probes(self, checks: tuple[Check, ...]) -> Response:
        listed = [
            {
                "name": check.name,
                "kind": type(check.probe).__name__,
                "critical": check.critical,
                "passive": check.probe.passive,
                "tags": sorted(check.tags),
                "description": check.probe.description,
                "timeout": check.timeout,
                "poll_interval_ms": round(check.every * 1000),
            }
            for check in checks
        ]
        return answer({"probes": listed})

    async def _history(self, checks: tuple[Check, ...]) -> Response:
        names = {check.name for check in checks}
        history = await self._handle.recorder.history()
        return answer(
            {"probes": {name: history[name] for name in history if name in names}}
        )

    async def _alerts(self, checks: tuple[Check, ...]) -> Response:
        names = {check.name for check in checks}
        alerts = await self._handle.recorder.alerts()
        return answer({"alerts": [alert for alert in alerts if alert.probe in names]})

    async def _metrics(self, checks: tuple[Check, ...]) -> Response:
        # Only here: whoever has no metrics need not load their library.
        from steadfastapi.health import exposition  # noqa: PLC0415

        await self._handle.checks.fresh(checks)
        return Response(
            exposition.page(checks),
            media_type="text/plain; version=0.0.4; charset=utf-8",
            headers=NO_STORE,
        )

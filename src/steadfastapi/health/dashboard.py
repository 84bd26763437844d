"""The health page: every probe, live, and the switch of maintenance.

It looks like the console and works without it: templates and static files are the
console's, which are read when the page is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from starlette.responses import RedirectResponse, Response

from steadfastapi._predicates import path_in_app
from steadfastapi.health.origin import is_foreign
from steadfastapi.health.pages import NO_STORE, answer, refusal
from steadfastapi.health.shown import row_of
from steadfastapi.health.switches import MAX_BODY, minutes_from_now

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from steadfastapi._service import Service
    from steadfastapi.console.look import Look
    from steadfastapi.health.access import Access
    from steadfastapi.health.handle import HealthHandle
    from steadfastapi.health.pages import Pages

PATH = "/dashboard"
TEMPLATE = "health_dashboard.html"
CHALLENGE = {"WWW-Authenticate": 'Basic realm="health"'}
"""What makes a browser ask for a password; an API key is one, with any name."""
BEGIN, END = "begin", "end"


class Dashboard:
    """Endpoints of the health page.

    Args:
        handle: What there is to show.
        access: Who may see it, and who may switch.
        pages: Know the state of all.
        service: What is served.
        prefix: What the paths of all pages begin with.
    """

    def __init__(
        self,
        handle: HealthHandle,
        access: Access,
        pages: Pages,
        service: Service,
        prefix: str,
    ) -> None:
        self._handle = handle
        self._access = access
        self._pages = pages
        self._service = service
        self._prefix = prefix
        self.static_path = f"{prefix}{PATH}/static"
        self._look: Look | None = None

    async def page(self, request: Request) -> Response:
        """The probes as a page for people."""
        verdict = await self._access.details(request)
        if not verdict.granted:
            refused = refusal(verdict)
            if verdict.status == 401:  # noqa: PLR2004
                refused.headers.update(CHALLENGE)
            return refused
        if request.method == "POST":
            return await self._switch(request)
        return await self._shown(request)

    async def static(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a style sheet or script of the page, the same for everybody."""
        from steadfastapi.console import assets  # noqa: PLC0415

        below = path_in_app(scope).removeprefix(f"{self.static_path}/")
        digest, _, name = below.partition("/")
        response = Response(status_code=405, headers={"Allow": "GET, HEAD"})
        if scope["method"] in ("GET", "HEAD"):
            response = assets.answer(digest, name, head=scope["method"] == "HEAD")
        await response(scope, receive, send)

    async def _shown(self, request: Request) -> Response:
        if self._look is None:
            from steadfastapi.console.look import Look  # noqa: PLC0415

            self._look = Look(
                service=self._service,
                base=self._prefix,
                static=self.static_path,
            )
        may_switch = (await self._access.change(request)).granted
        return await self._look.page(
            request,
            TEMPLATE,
            title="Health",
            switch=self._look.url(request, PATH),
            stream=self._look.url(request, f"{PATH}/stream"),
            may_switch=may_switch,
            why_not=_why_not(configured=self._access.configured),
            **await self.context(),
        )

    async def context(self) -> dict[str, Any]:
        """Return what there is to show: the template's `state`, `probes` and so on."""
        handle = self._handle
        checks = tuple(handle.checks)
        state = await self._pages.state(checks)
        history = await handle.recorder.memory.get_history()
        return {
            "state": state,
            "probes": [row_of(one, history.get(one.name, ())) for one in checks],
            "maintenance": self._maintenance(),
        }

    async def switch(self, action: str, minutes: str) -> None:
        """Begin or end maintenance, and tell the other workers.

        Raises:
            ValueError: The action or the minutes are none; the text is for the client.
        """
        if action == END:
            self._handle.clear_maintenance()
        elif action == BEGIN:
            self._handle.set_maintenance(minutes_from_now(minutes))
        else:
            raise ValueError(f"action: {BEGIN} or {END}")
        await self._handle.maintenance.share()

    def _maintenance(self) -> dict[str, Any]:
        phases = self._handle.phases
        ends = phases.ends
        return {
            "active": phases.in_maintenance,
            "ends": None if ends is None else f"{ends:%Y-%m-%d %H:%M:%S} UTC",
            "shared": hasattr(self._handle.recorder.storage, "set_maintenance"),
        }

    async def _switch(self, request: Request) -> Response:
        """Begin or end maintenance, as the form of the page says."""
        if is_foreign(request):
            return answer({"detail": "Cross-site request"}, 403)
        verdict = await self._access.change(request)
        if not verdict.granted:
            return refusal(verdict)
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                return answer({"detail": "Request body too large"}, 413)
        form = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10)
        action, minutes = form.get("action", [""])[0], form.get("minutes", [""])[0]
        try:
            await self.switch(action, minutes)
        except ValueError as error:
            return answer({"detail": str(error)}, 422)
        root = request.scope.get("root_path", "").rstrip("/")
        # 303: the page is loaded again, and a reload posts nothing.
        return RedirectResponse(f"{root}{self._prefix}{PATH}", 303, NO_STORE)


def _why_not(*, configured: bool) -> str:
    if configured:
        return "You may not switch maintenance."
    return "Health(auth=…) or Health(api_key=…) allows to switch it here."

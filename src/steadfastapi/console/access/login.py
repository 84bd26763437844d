"""The way in and the way out: login, the development link, OpenID, logout.

These paths answer strangers. Everything else asks `Access` first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
from starlette.responses import Response

from steadfastapi._guard import guard
from steadfastapi.console import headers, queries
from steadfastapi.console.access import audit, forms
from steadfastapi.console.access.admission import DEADLINE, UNAVAILABLE
from steadfastapi.console.access.identity import Identity, Refusal, SignedIn
from steadfastapi.console.access.origin import is_foreign
from steadfastapi.console.look import THEME_COOKIE, THEMES
from steadfastapi.console.queries import Refused
from steadfastapi.console.visit import Page

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from steadfastapi.console.access.admission import Access
    from steadfastapi.console.look import Look
    from steadfastapi.console.visit import Visit

    Door = Callable[[Request], Awaitable[Response]]

LOGIN = "/login"
OIDC = "/login/oidc"
CALLBACK = "/login/oidc/callback"
_YEAR = 365 * 24 * 3600


def own_path(path: str) -> str:
    """Return a path below the console; its start page for anything else."""
    ours = path.startswith("/") and not path.startswith(("//", "/\\", LOGIN))
    return path if ours and path.isprintable() else "/"


class Login:
    """Pages that begin and end sessions.

    Args:
        access: Who may.
        look: Renders the login page.
        link: Whether `/login?token=…` logs in, as the link that is printed in
            development does. Not in production: addresses end up in logs.
    """

    def __init__(self, access: Access, look: Look, *, link: bool) -> None:
        self._access = access
        self._look = look
        self._link = link

    def doors(self) -> dict[str, Door]:
        """Return what answers strangers, by path below the console."""
        if not self._access.has_login:
            return {}
        doors: dict[str, Door] = {LOGIN: self.login}
        if self._access.oidc is not None:
            doors |= {OIDC: self.begin, CALLBACK: self.finish}
        return doors

    def pages(self) -> list[Page]:
        """Return what those who are in may do."""
        return [
            Page(path="/logout", handler=self.logout, methods=("POST",)),
            Page(path="/theme", handler=self.theme, methods=("POST",)),
        ]

    async def login(self, request: Request) -> Response:
        """Show the form, or take it."""
        if request.method == "POST":
            return await self._submitted(request)
        if request.method not in ("GET", "HEAD"):
            raise Refused(405, "Method Not Allowed", {"Allow": "GET, HEAD, POST"})
        target = own_path(request.query_params.get("next", "/"))
        token = request.query_params.get("token")
        if token and self._link and request.method == "GET":
            return await self._by_link(request, token)
        if await self._is_in(request):
            return self._away(request, target)
        return await self._form(request, target)

    async def begin(self, request: Request) -> Response:
        """Go to the provider."""
        _only_get(request)
        target = own_path(request.query_params.get("next", "/"))
        self._access.hold_back(request)
        oidc = self._access.oidc
        begun: Response | Refusal = UNAVAILABLE
        try:
            with anyio.fail_after(DEADLINE):
                if oidc is not None:
                    begun = await oidc.begin(request, target)
        except Exception as error:
            guard.swallow("console.oidc", error)
        if isinstance(begun, Refusal):
            return await self._failed(request, "oidc", begun, target)
        return begun

    async def finish(self, request: Request) -> Response:
        """Come back from the provider."""
        _only_get(request)
        oidc = self._access.oidc
        found: SignedIn | Refusal = UNAVAILABLE
        self._access.hold_back(request)
        try:
            with anyio.fail_after(2 * DEADLINE):
                if oidc is not None:
                    found = await oidc.finish(request)
        except Exception as error:
            guard.swallow("console.oidc", error)
        if isinstance(found, Refusal):
            return await self._failed(request, "oidc", found, "/")
        response = self._begun(request, found.identity, own_path(found.target))
        for cookie in found.set_cookies:
            response.headers.append("Set-Cookie", cookie)
        return response

    async def logout(self, visit: Visit) -> Response:
        """End the session, here and everywhere."""
        request, sessions = visit.request, self._access.sessions
        session = await sessions.find(request)
        if session is not None:
            await sessions.end(session)
        audit.logout(request, visit.identity)
        # Not to the provider at once: `form-action` holds for redirects of a form, too.
        out = {"out": "1"} if visit.identity.method == "oidc" else {}
        response = visit.redirect(LOGIN if self._access.has_login else "/", **out)
        response.headers.append("Set-Cookie", sessions.drop_cookie(request))
        return response

    async def theme(self, visit: Visit) -> Response:
        """Keep whether somebody wants it light or dark."""
        theme = visit.form.get("theme")
        if theme not in THEMES:
            raise Refused(422, f"theme: use one of {', '.join(THEMES)}.")
        response = visit.back("/")
        cookie = f"{THEME_COOKIE}={theme}; Path=/; Max-Age={_YEAR}; SameSite=Lax"
        response.headers.append("Set-Cookie", cookie)
        return response

    async def _is_in(self, request: Request) -> bool:
        session = await self._access.sessions.find(request)
        return session is not None and session.identity.method != "dependency"

    async def _submitted(self, request: Request) -> Response:
        if is_foreign(request):
            audit.failure(request, "form", "a page of another origin")
            raise Refused(403, "This came from a page of another origin.")
        form = await forms.read(request)
        target = own_path(form.get("next", "/"))
        self._access.hold_back(request)
        own = self._access.credentials
        if form.get("user"):
            method = "basic"
            found = own.by_password(form.get("user"), form.get("password"))
        else:
            method = "token"
            found = own.by_token(form.get("token").strip())
        if found is None:
            self._access.throttle.failed(request)
            wrong = Refusal(reason=f"wrong {method}", detail="That is not right.")
            return await self._failed(request, method, wrong, target)
        return self._begun(request, found, target)

    async def _by_link(self, request: Request, token: str) -> Response:
        self._access.hold_back(request)
        found = self._access.credentials.by_token(token)
        if found is None:
            self._access.throttle.failed(request)
            wrong = Refusal(
                reason="wrong link",
                detail="This link is of another start: take the one printed last.",
            )
            return await self._failed(request, "token", wrong, "/")
        return self._begun(request, found, "/")

    def _begun(self, request: Request, identity: Identity, target: str) -> Response:
        """Begin a session, always with a new id."""
        sessions = self._access.sessions
        session = sessions.begin(identity)
        audit.login(request, identity)
        response = self._away(request, target)
        response.headers.append("Set-Cookie", sessions.set_cookie(request, session))
        return response

    async def _failed(
        self, request: Request, method: str, why: Refusal, target: str
    ) -> Response:
        audit.failure(request, method, why.reason or why.detail)
        return await self._form(request, target, why)

    async def _form(
        self, request: Request, target: str, why: Refusal | None = None
    ) -> Response:
        own, sessions = self._access.credentials, self._access.sessions
        over_http = request.url.scheme == "http" and sessions.is_secure(request)
        out = "out" in request.query_params
        return await self._look.page(
            request,
            "login.html",
            status=200 if why is None else why.status,
            title="Sign in",
            target=target,
            wrong=why.detail if why else "",
            by_token=own.token is not None,
            by_password=own.basic is not None,
            oidc=self._access.oidc.label if self._access.oidc else "",
            farewell=await self._farewell(request) if out else None,
            over_http=over_http and not _is_loopback(request),
        )

    async def _farewell(self, request: Request) -> str | None:
        try:
            with anyio.fail_after(DEADLINE):
                if self._access.oidc is not None:
                    return await self._access.oidc.farewell(request)
        except Exception as error:
            guard.swallow("console.oidc", error)
        return None

    def _away(self, request: Request, target: str) -> Response:
        location = self._look.url(request, "" if target == "/" else target)
        return Response(
            status_code=303, headers={**headers.of_data(), "Location": location}
        )


def _only_get(request: Request) -> None:
    if request.method != "GET":
        raise queries.Refused(405, "Method Not Allowed", {"Allow": "GET"})


def _is_loopback(request: Request) -> bool:
    """Return whether browsers keep a Secure cookie of this host without https."""
    host = request.url.hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")

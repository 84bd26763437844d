"""Who may see the console. Whatever fails here, nothing is shown (SEC-16).

Asked in this order; the first that knows the caller decides:

1. `Authorization: Bearer` (the token, or an OpenID provider's access token) or
   `Basic`, for API clients;
2. the cookie of a session that began with a login;
3. the application's own dependency, for each request anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio

from steadfastapi._guard import guard
from steadfastapi.console.access import audit, forms
from steadfastapi.console.access.credentials import (
    Credentials,
    authorization,
    user_and_password,
)
from steadfastapi.console.access.identity import Identity, Refusal
from steadfastapi.console.access.origin import SAFE, is_foreign
from steadfastapi.console.access.throttle import Throttle
from steadfastapi.console.queries import Refused
from steadfastapi.console.visit import NO_FORM, Form

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from steadfastapi.console.access.identity import SingleSignOn
    from steadfastapi.console.access.sessions import Session, Sessions

    Dependency = Callable[[Request], Awaitable[Identity | Refusal]]

DEADLINE = 5.0
"""Seconds for everything that authenticates a request."""
CSRF_FIELD = "csrf"
CSRF_HEADER = "x-csrf-token"
UNAVAILABLE = Refusal(
    status=503,
    reason="authentication failed to work",
    detail="Authentication is unavailable",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """Somebody who may, and how they came in."""

    identity: Identity
    still_in: Callable[[], Awaitable[bool]] = field(repr=False)
    form: Form = NO_FORM
    csrf: str = ""
    session: Session | None = None
    set_cookie: str = ""
    """What the answer sets, where the session is new or was idle for a while."""


class Access:
    """Admits requests.

    Args:
        credentials: The console's own secrets.
        sessions: Of those who logged in.
        dependency: The application's own authentication.
        oidc: An OpenID provider.
    """

    def __init__(
        self,
        credentials: Credentials,
        sessions: Sessions,
        *,
        dependency: Dependency | None = None,
        oidc: SingleSignOn | None = None,
    ) -> None:
        self.credentials = credentials
        self.sessions = sessions
        self.oidc = oidc
        self.throttle = Throttle()
        self._dependency = dependency

    @property
    def has_login(self) -> bool:
        """Whether there is anything that a browser could log in with."""
        own = self.credentials
        return bool(own.token or own.basic or (self.oidc and self.oidc.label))

    async def admit(self, request: Request) -> Admitted:
        """Return who asks.

        Raises:
            Refused: They may not: 401, 403, 429, or 503 where that cannot be known.
        """
        try:
            with anyio.fail_after(DEADLINE):
                found = await self._find(request)
        except Refused:
            raise
        except Exception as error:
            guard.swallow("console.access", error)
            found = UNAVAILABLE
        if isinstance(found, Refusal):
            if found.reason or not is_visitor(request):
                audit.denial(request, found.reason or "no credentials")
            raise Refused(found.status, found.detail, _challenge(found, self))
        if request.method in SAFE:
            return found
        return await self._checked(request, found)

    async def recognise(self, request: Request) -> Identity | Refusal:
        """Return who asks, changing and counting nothing; for streams."""
        try:
            with anyio.fail_after(DEADLINE):
                found = await self._find(request)
        except Exception as error:
            if not isinstance(error, Refused):
                guard.swallow("console.access", error)
            return UNAVAILABLE
        return found if isinstance(found, Refusal) else found.identity

    async def _find(self, request: Request) -> Admitted | Refusal:
        by_header = await self._by_header(request)
        if isinstance(by_header, Identity):
            return self._admitted(request, by_header, None)
        session = await self.sessions.find(request)
        if session is not None and session.identity.method != "dependency":
            return self._admitted(request, session.identity, session)
        refusal = by_header
        if self._dependency is not None:
            found = await self._dependency(request)
            if isinstance(found, Identity):
                return self._by_dependency(request, found, session)
            refusal = found
        if by_header is not None and by_header.status in (401, 403):
            self.throttle.failed(request)
        if refusal is None and self.sessions.has_cookie(request):
            return Refusal(reason="the session has ended")
        return refusal or Refusal()

    async def _by_header(self, request: Request) -> Identity | Refusal | None:
        """Ask the `Authorization` header; None where it is not for us."""
        scheme, value = authorization(request)
        own = self.credentials
        ours = {"bearer": own.token or self.oidc, "basic": own.basic}
        if not value or not ours.get(scheme):
            return None
        self.hold_back(request)
        if scheme == "basic":
            pair = user_and_password(value)
            found = own.by_password(*pair) if pair else None
        else:
            found = own.by_token(value)
            if found is None and self.oidc is not None:
                return await self.oidc.bearer(value)
        return found or Refusal(reason=f"wrong {scheme} credentials")

    def hold_back(self, request: Request) -> None:
        """Refuse somebody who has guessed too often.

        Raises:
            Refused: 429.
        """
        wait = self.throttle.wait(request)
        if wait > 0:
            audit.denial(request, "too many failed logins")
            detail = "Too many failed logins. Please slow down."
            raise Refused(429, detail, {"Retry-After": str(int(wait) + 1)})

    def _by_dependency(
        self, request: Request, identity: Identity, session: Session | None
    ) -> Admitted:
        """Give somebody a session, whose CSRF token their forms send."""
        if session is not None and session.identity.name == identity.name:
            return self._admitted(request, identity, session)
        audit.login(request, identity)
        fresh = self.sessions.begin(identity)
        return self._admitted(request, identity, fresh, fresh=True)

    def _admitted(
        self,
        request: Request,
        identity: Identity,
        session: Session | None,
        *,
        fresh: bool = False,
    ) -> Admitted:
        async def still_in() -> bool:
            return isinstance(await self.recognise(request), Identity)

        if session is None:
            return Admitted(identity=identity, still_in=still_in)
        renewed = session if fresh else None
        # What a page does by itself is no visit: an open tab would never be idle.
        if not fresh and request.headers.get("sec-fetch-dest") != "empty":
            renewed = self.sessions.used(session)
        cookie = self.sessions.set_cookie(request, renewed) if renewed else ""
        return Admitted(
            identity=identity,
            still_in=still_in,
            session=session,
            csrf=self.sessions.csrf(session),
            set_cookie=cookie,
        )

    async def _checked(self, request: Request, found: Admitted) -> Admitted:
        """Check that a change was meant: it came from our own page (SEC-12)."""
        scheme, _ = authorization(request)
        by_bearer = found.session is None and scheme == "bearer"
        if not by_bearer and is_foreign(request):
            audit.denial(request, "a page of another origin", found.identity)
            raise Refused(403, "This came from a page of another origin.")
        form = await forms.read(request)
        if found.session is not None:
            given = request.headers.get(CSRF_HEADER) or form.get(CSRF_FIELD)
            if not self.sessions.is_csrf(found.session, given):
                audit.denial(request, "wrong CSRF token", found.identity)
                raise Refused(403, "The page is out of date: load it again.")
        return Admitted(
            identity=found.identity,
            still_in=found.still_in,
            form=form,
            csrf=found.csrf,
            session=found.session,
            set_cookie=found.set_cookie,
        )


def wants_a_page(request: Request) -> bool:
    """Return whether a person asks, by a browser."""
    return "text/html" in request.headers.get("accept", "")


def is_visitor(request: Request) -> bool:
    """Return whether a person asks for a page, who can be sent to the login."""
    return wants_a_page(request) and request.method in ("GET", "HEAD")


def _challenge(refusal: Refusal, access: Access) -> dict[str, str]:
    """Say how an API client authenticates; never Basic, which browsers would ask."""
    if refusal.status != 401:  # noqa: PLR2004
        return {}
    own = access.credentials
    return {"WWW-Authenticate": "Bearer"} if own.token or access.oidc else {}

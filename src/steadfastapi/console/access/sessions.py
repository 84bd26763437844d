"""Sessions in a signed cookie: every worker that knows the key accepts them.

What a cookie says is whose session it is, when it began and when it was last used.
The signing key comes from the secrets of the settings, so that all workers have it,
and a changed secret ends every session. What ended before its time is remembered (see
`revoked`), so that a copy of its cookie is worth nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import orjson

from steadfastapi.console.access.identity import MAX_NAME, Identity, Method

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from steadfastapi.console.access.revoked import Revocations

ID_BYTES = 24
"""192 bits; SEC-13 asks for 128."""
REFRESH = 60.0
"""Seconds after which a used session gets a new cookie that says so."""
MAX_COOKIE = 1_024
_SALT = 32
"""Characters of what makes each CSRF token another one."""
_METHODS: tuple[Method, ...] = ("token", "basic", "dependency", "oidc")


def derived(secret: bytes, purpose: str) -> bytes:
    """Return 32 bytes for one purpose; no one of them tells of another."""
    return hmac.digest(secret, f"steadfastapi console {purpose}".encode(), "sha256")


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One login; times are Unix seconds."""

    id: str
    identity: Identity
    began: float
    used: float


class Sessions:
    """Begins, finds and ends the sessions of one console.

    Args:
        secret: What only the workers of this service know.
        revoked: Which sessions have ended before their time.
        idle: Seconds without a visit after which a session ends.
        absolute: Seconds after which it ends in any case.
        production: Whether its cookie is kept from plain http.
        clock: Unix time.
    """

    def __init__(  # noqa: PLR0913 - all but the first two by name
        self,
        secret: bytes,
        revoked: Revocations,
        *,
        idle: float,
        absolute: float,
        production: bool,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._signing = derived(secret, "sessions")
        self._tokens = derived(secret, "csrf")
        # Services on one host would take each other's cookie away.
        self._name = f"steadfast-console-{derived(secret, 'cookie').hex()[:8]}"
        self._revoked = revoked
        self.idle = idle
        self.absolute = absolute
        self._production = production
        self._clock = clock

    def begin(self, identity: Identity) -> Session:
        """Return a new session, whose id nobody has seen before."""
        now = self._clock()
        fresh = secrets.token_urlsafe(ID_BYTES)
        return Session(id=fresh, identity=identity, began=now, used=now)

    def has_cookie(self, request: Request) -> bool:
        """Return whether a request says that it is of a session."""
        return bool(request.cookies.get(self._cookie_name(request)))

    async def find(self, request: Request) -> Session | None:
        """Return the session of a request, unless it has ended."""
        cookie = request.cookies.get(self._cookie_name(request), "")
        session = self._read(cookie) if 0 < len(cookie) <= MAX_COOKIE else None
        if session is None or self._is_over(session):
            return None
        if await self._revoked.has(session.id):
            return None
        return session

    async def end(self, session: Session) -> None:
        """End a session everywhere."""
        await self._revoked.add(session.id, session.began + self.absolute)

    def used(self, session: Session) -> Session | None:
        """Return a session as used now, where its cookie should say so."""
        now = self._clock()
        return replace(session, used=now) if now - session.used >= REFRESH else None

    def csrf(self, session: Session) -> str:
        """Return a token that forms of a session send; another one for each page.

        A page that is compressed, and holds both a secret and what somebody asked for,
        would tell the secret byte by byte, were it always the same (BREACH).
        """
        salt = secrets.token_hex(_SALT // 2)
        return salt + self._csrf_of(session, salt)

    def is_csrf(self, session: Session, given: str) -> bool:
        """Return whether a token was made for a session."""
        right = self._csrf_of(session, given[:_SALT])
        return hmac.compare_digest(given[_SALT:].encode(), right.encode())

    def set_cookie(self, request: Request, session: Session) -> str:
        """Return the value of `Set-Cookie` for a session."""
        left = max(0, int(session.began + self.absolute - self._clock()))
        return self._cookie(request, self._write(session), left)

    def drop_cookie(self, request: Request) -> str:
        """Return the value of `Set-Cookie` that takes the cookie away."""
        return self._cookie(request, "", 0)

    def is_secure(self, request: Request) -> bool:
        """Return whether the cookie is kept from plain http."""
        return self._production or request.url.scheme == "https"

    def _csrf_of(self, session: Session, salt: str) -> str:
        text = f"{salt} {session.id}".encode("utf-8", "surrogateescape")
        return hmac.digest(self._tokens, text, "sha256").hex()

    def _cookie_name(self, request: Request) -> str:
        # A page on plain http, or on a subdomain, cannot set a `__Host-` cookie.
        return f"__Host-{self._name}" if self.is_secure(request) else self._name

    def _cookie(self, request: Request, value: str, age: int) -> str:
        parts = [f"{self._cookie_name(request)}={value}", "Path=/", f"Max-Age={age}"]
        parts += ["HttpOnly", "SameSite=Lax"]
        if self.is_secure(request):
            parts.append("Secure")
        return "; ".join(parts)

    def _is_over(self, session: Session) -> bool:
        now = self._clock()
        return not (
            session.began <= session.used
            and now - session.used < self.idle
            and now - session.began < self.absolute
        )

    def _write(self, session: Session) -> str:
        who = session.identity
        fields = [session.id, who.name, who.method, session.began, session.used]
        body = base64.urlsafe_b64encode(orjson.dumps(fields)).rstrip(b"=")
        return f"{body.decode()}.{self._signature(body)}"

    def _read(self, cookie: str) -> Session | None:
        body, _, signature = cookie.partition(".")
        # As bytes: what is not ASCII cannot be compared as text.
        given, right = signature.encode(), self._signature(body.encode()).encode()
        if not hmac.compare_digest(given, right):
            return None
        try:
            return _session(orjson.loads(base64.urlsafe_b64decode(f"{body}===")))
        except (ValueError, TypeError):  # ours once, from another version
            return None

    def _signature(self, body: bytes) -> str:
        return hmac.new(self._signing, body, hashlib.sha256).hexdigest()


def _session(fields: Any) -> Session:
    identity, name, method, began, used = fields
    if method not in _METHODS:
        raise ValueError(f"no such method: {method!r}")
    return Session(
        id=str(identity),
        identity=Identity(name=str(name)[:MAX_NAME], method=method),
        began=float(began),
        used=float(used),
    )

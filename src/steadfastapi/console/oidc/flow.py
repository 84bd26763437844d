"""The login itself: to the provider, back with a code, and in.

Authorization code with PKCE (RFC 7636), with or without a client's secret. joserfc
verifies the tokens, httpx asks; both are loaded in a thread when the first login or
token comes.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import anyio
import anyio.to_thread
from starlette.responses import RedirectResponse, Response

from steadfastapi.console.access.identity import MAX_NAME, Identity, Refusal, SignedIn
from steadfastapi.console.oidc.answers import (
    NotGranted,
    ProviderTrouble,
    refused_there,
)
from steadfastapi.console.oidc.pending import SECONDS, Logins, Pending

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request

    from steadfastapi.console.oidc.code import CodeExchange
    from steadfastapi.console.oidc.provider import Metadata, Provider
    from steadfastapi.console.oidc.settings import Oidc
    from steadfastapi.console.oidc.tokens import Tokens

MAX_TARGET = 1_024
COOKIE = "steadfast-login"


class _Parts(NamedTuple):
    provider: Provider
    tokens: Tokens
    code: CodeExchange


class OidcLogin:
    """Logs people in at one provider.

    Args:
        settings: Which provider, which client, and who may come in.
        key: A secret that all workers share.
    """

    def __init__(self, settings: Oidc, key: bytes) -> None:
        self._settings = settings
        self._rules = settings.rules()
        self._logins = Logins(key)
        self._parts: _Parts | None = None
        self._lock = anyio.Lock()
        self._secure = (settings.redirect_uri or "").startswith("https:")
        self._cookie = f"__Host-{COOKIE}" if self._secure else COOKIE

    async def begin(self, target: str) -> Response | Refusal:
        """Send the browser to the provider.

        Args:
            target: Path below the console where it goes afterwards.
        """
        if self._settings.redirect_uri is None:
            return NotGranted("Only bearer tokens are accepted here.", 403).refusal()
        try:
            with self._deadline():
                metadata = await (await self._loaded()).provider.metadata()
        except NotGranted as refused:
            return refused.refusal()
        pending, cookie = self._logins.begin(target if is_path(target) else "/")
        response = RedirectResponse(self._question(metadata, pending), 303)
        self._keep(response, cookie, SECONDS)
        return response

    async def finish(self, request: Request) -> SignedIn | Refusal:
        """Return who has come back from the provider."""
        try:
            with self._deadline():
                identity, target = await self._finished(request)
        except NotGranted as refused:
            return refused.refusal()
        gone = Response()
        self._keep(gone, "", 0)
        return SignedIn(
            identity=identity, target=target, set_cookies=(gone.headers["set-cookie"],)
        )

    async def bearer(self, token: str) -> Identity | Refusal:
        """Return whose access token this is."""
        try:
            with self._deadline():
                claims = await (await self._loaded()).tokens.of_bearer(token)
            return self._identity(claims)
        except NotGranted as refused:
            return refused.refusal()

    async def farewell(self) -> str | None:
        """Return where people log out at the provider as well; None without."""
        try:
            with self._deadline():
                metadata = await (await self._loaded()).provider.metadata()
        except NotGranted:
            return None
        if metadata.logout is None:
            return None
        fields = {"client_id": self._settings.client_id}
        if self._settings.logout_redirect_uri is not None:
            fields["post_logout_redirect_uri"] = self._settings.logout_redirect_uri
        return _with_query(metadata.logout, fields)

    @contextlib.contextmanager
    def _deadline(self) -> Iterator[None]:
        """Bound all questions of one login together."""
        try:
            with anyio.fail_after(1.5 * self._settings.timeout):
                yield
        except TimeoutError:
            raise ProviderTrouble("The provider is too slow.") from None

    def _keep(self, response: Response, cookie: str, seconds: int) -> None:
        response.set_cookie(
            self._cookie,
            cookie,
            max_age=seconds,
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="lax",  # the provider sends the browser back from its own site
        )

    async def _loaded(self) -> _Parts:
        async with self._lock:
            if self._parts is None:
                self._parts = await anyio.to_thread.run_sync(self._load)
            return self._parts

    def _load(self) -> _Parts:
        # They bring cryptography: 60 ms that an event loop should not stop for.
        from steadfastapi.console.oidc.code import CodeExchange  # noqa: PLC0415
        from steadfastapi.console.oidc.provider import Provider  # noqa: PLC0415
        from steadfastapi.console.oidc.tokens import Tokens  # noqa: PLC0415

        provider = Provider(self._settings)
        return _Parts(
            provider,
            Tokens(self._settings, provider),
            CodeExchange(self._settings, provider.http),
        )

    def _question(self, metadata: Metadata, pending: Pending) -> str:
        return _with_query(
            metadata.authorization,
            {
                "response_type": "code",
                "client_id": self._settings.client_id,
                "redirect_uri": str(self._settings.redirect_uri),
                "scope": " ".join(self._settings.scopes),
                "state": pending.state,
                "nonce": pending.nonce,
                "code_challenge": pending.challenge,
                "code_challenge_method": "S256",
            },
        )

    async def _finished(self, request: Request) -> tuple[Identity, str]:
        given = _single(request)
        cookie = request.cookies.get(self._cookie, "")
        pending = self._logins.take(cookie, given.get("state", ""))
        if pending is None:
            raise NotGranted(
                "This browser has begun no such login, or has finished it, or that was "
                f"more than {SECONDS // 60} minutes ago."
            )
        parts = await self._loaded()
        metadata = await parts.provider.metadata()
        issuer = given.get("iss")
        if (issuer is not None or metadata.names_itself) and (
            issuer != self._settings.issuer
        ):
            raise NotGranted("The answer comes from another provider (iss).")
        if "error" in given:
            raise refused_there(given["error"])
        answer = await parts.code.exchanged(metadata, given.get("code", ""), pending)
        claims = await parts.tokens.of_login(answer.get("id_token"), pending.nonce)
        if self._rules.lacks(claims):
            claims = await parts.code.completed(metadata, claims, answer)
        return self._identity(claims), pending.target

    def _identity(self, claims: dict[str, Any]) -> Identity:
        names = (claims.get("preferred_username"), claims.get("email"), claims["sub"])
        name = next(one for one in names if isinstance(one, str) and one)[:MAX_NAME]
        if not self._rules.permit(claims):
            raise NotGranted(f"{name} is not among those who are allowed here.", 403)
        return Identity(name=name, method="oidc")


def is_path(target: str) -> bool:
    """Return whether `target` is a path, in any browser's eyes, and goes down."""
    if len(target) > MAX_TARGET or not target.isprintable() or "\\" in target:
        return False
    steps = target.partition("?")[0].lower().replace("%2e", ".").split("/")
    return target.startswith("/") and "" not in steps[1:-1] and ".." not in steps


def _single(request: Request) -> dict[str, str]:
    """Return the parameters that were given once (RFC 6749, section 3.1)."""
    pairs = request.query_params.multi_items()
    names = [name for name, _ in pairs]
    return {name: value for name, value in pairs if names.count(name) == 1}


def _with_query(address: str, fields: dict[str, str]) -> str:
    joint = "&" if urlsplit(address).query else "?"
    return f"{address}{joint}{urlencode(fields)}"

"""What the provider gives for the code that the browser has brought."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from steadfastapi.console.oidc.answers import NotGranted, ProviderTrouble

if TYPE_CHECKING:
    from steadfastapi.console.oidc.http import Http
    from steadfastapi.console.oidc.pending import Pending
    from steadfastapi.console.oidc.provider import Metadata
    from steadfastapi.console.oidc.settings import Oidc

MAX_CODE = 4_096
OK = 200
"""RFC 6749, section 5.1: any other status is an error."""


class CodeExchange:
    """Exchanges codes for tokens.

    Args:
        settings: Which client asks.
        http: Asks the provider.
    """

    def __init__(self, settings: Oidc, http: Http) -> None:
        self._settings = settings
        self._http = http

    async def exchanged(
        self, metadata: Metadata, code: str, pending: Pending
    ) -> dict[str, Any]:
        """Return what the provider gives for the code.

        Raises:
            NotGranted: It gives nothing.
        """
        if not 0 < len(code) <= MAX_CODE:
            raise NotGranted("The provider has sent no code.")
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": str(self._settings.redirect_uri),
            "code_verifier": pending.verifier,
        }
        status, answer = await self._http.post(
            metadata.token, *self._as_us(form, metadata)
        )
        if status == OK:
            return dict(answer)
        if answer.get("error") == "invalid_grant":
            raise NotGranted("The provider does not accept the code.")
        if answer.get("error") in ("invalid_client", "unauthorized_client"):
            raise ProviderTrouble(
                "The provider refuses this client: client_id, client_secret or the "
                "client's settings at the provider are wrong."
            )
        raise ProviderTrouble(f"The provider answered the code with {status}.")

    async def completed(
        self, metadata: Metadata, claims: dict[str, Any], answer: dict[str, Any]
    ) -> dict[str, Any]:
        """Add what the provider tells only on its userinfo page.

        Raises:
            NotGranted: It is about somebody else, or cannot be had.
        """
        token = answer.get("access_token")
        if metadata.userinfo is None or not isinstance(token, str):
            return claims
        if not (token.isascii() and token.isprintable()):
            raise NotGranted("The provider's access token is none.")
        said = await self._http.get(
            metadata.userinfo, {"Authorization": f"Bearer {token}"}
        )
        if said.get("sub") != claims["sub"]:
            raise NotGranted("The provider's userinfo is about somebody else.")
        return {**said, **claims}  # what was signed wins

    def _as_us(
        self, form: dict[str, str], metadata: Metadata
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Return form and headers that say which client asks."""
        client, secret = self._settings.client_id, self._settings.client_secret
        if secret is None:
            return form | {"client_id": client}, {}
        given = secret.get_secret_value()
        if metadata.basic:
            return form, {"Authorization": _basic(client, given)}
        return form | {"client_id": client, "client_secret": given}, {}


def _basic(client: str, secret: str) -> str:
    """Return the header of a client (RFC 6749, section 2.3.1: encoded, then joined)."""
    pair = f"{quote(client, safe='')}:{quote(secret, safe='')}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"

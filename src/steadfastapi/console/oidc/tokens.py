"""Whether a token was made by the provider, for us, and is good now."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import time
from typing import TYPE_CHECKING, Any

from joserfc import jwt
from joserfc.errors import ClaimError, ExpiredTokenError, JoseError

from steadfastapi.console.oidc.answers import NotGranted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from steadfastapi.console.oidc.provider import Key, Provider
    from steadfastapi.console.oidc.settings import Oidc

LEEWAY = 30
"""Seconds by which clocks may differ."""
MAX_TOKEN = 16 * 1024
MAX_SUBJECT = 255
"""Characters of a subject (OpenID Connect Core, section 2)."""

_OF_OTHERS = frozenset({"nonce", "at_hash", "c_hash", "events"})
"""Claims of ID tokens and logout tokens, which others may have seen."""
_TYPES = frozenset({"", "jwt", "at+jwt", "application/at+jwt"})
_FAMILIES = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}


class Tokens:
    """Verifies the tokens of one provider.

    Args:
        settings: What is expected of them.
        provider: Whose keys they are signed with.
        clock: Unix time in seconds.
    """

    def __init__(
        self,
        settings: Oidc,
        provider: Provider,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._provider = provider
        self._clock = clock

    async def of_login(self, token: Any, nonce: str) -> dict[str, Any]:
        """Return the claims of an ID token that answers the login with `nonce`.

        Raises:
            NotGranted: The token is not what it must be.
        """
        claims = await self._verified(token, (self._settings.client_id,))
        given = claims.get("nonce")
        if not isinstance(given, str) or not hmac.compare_digest(
            given.encode(), nonce.encode()
        ):
            raise NotGranted("The token answers another login (nonce).")
        party = claims.get("azp")
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if (several or party is not None) and party != self._settings.client_id:
            raise NotGranted("The token was made for another client (azp).")
        return claims

    async def of_bearer(self, token: str) -> dict[str, Any]:
        """Return the claims of an access token.

        Raises:
            NotGranted: The token is not what it must be.
        """
        claims = await self._verified(token, self._settings.accepted_audiences())
        if "typ" in claims:  # Keycloak says what it is
            is_access_token = str(claims["typ"]).lower() == "bearer"
        else:
            is_access_token = _OF_OTHERS.isdisjoint(claims)
        if not is_access_token:
            raise NotGranted("The token is no access token.")
        return claims

    async def _verified(self, token: Any, audiences: Sequence[str]) -> dict[str, Any]:
        if not isinstance(token, str) or not 0 < len(token) <= MAX_TOKEN:
            raise NotGranted("There is no token, or one of more than 16 KiB.")
        header = _header(token)
        algorithm = header.get("alg")
        if algorithm not in self._settings.algorithms:
            raise NotGranted("The token's algorithm is not allowed.")
        if str(header.get("typ", "")).lower() not in _TYPES:
            raise NotGranted("The token is of another type.")
        kid = header.get("kid")
        if kid is not None and not isinstance(kid, str):
            raise NotGranted("The token's key id is no text.")
        key = _chosen(await self._provider.keys(kid), kid, algorithm)
        try:
            claims = jwt.decode(token, key, algorithms=[algorithm]).claims
        except (JoseError, ValueError, TypeError, RecursionError):
            raise NotGranted("The token's signature is not good.") from None
        self._check(claims, audiences)
        return claims

    def _check(self, claims: dict[str, Any], audiences: Sequence[str]) -> None:
        registry = jwt.JWTClaimsRegistry(
            now=int(self._clock()),
            leeway=LEEWAY,
            iss={"essential": True, "value": self._settings.issuer},
            aud={"essential": True, "values": list(audiences)},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
        )
        try:
            registry.validate(claims)
        except ExpiredTokenError:
            raise NotGranted("The token has expired.") from None
        except ClaimError as error:
            raise NotGranted(f"The token's {error.claim!r} is not good.") from None
        except (ValueError, TypeError, OverflowError):
            raise NotGranted("The token's claims are not good.") from None
        if not 0 < len(claims["sub"]) <= MAX_SUBJECT:
            raise NotGranted("The token's 'sub' is not good.")


def _header(token: str) -> dict[str, Any]:
    """Return the header, which nobody has verified yet."""
    encoded, dot, _ = token.partition(".")
    try:
        padded = encoded + "=" * (-len(encoded) % 4)
        header = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        header = None
    if not dot or not isinstance(header, dict):
        raise NotGranted("The token is no signed JWT.")
    return header


def _chosen(keys: Sequence[Key], kid: str | None, algorithm: str) -> Key:
    """Return the one key that may have signed."""
    fitting = [
        key
        for key in keys
        if key.key_type == _FAMILIES.get(algorithm[:2])
        and key.get("alg") in (None, algorithm)
        and (kid is None or key.kid == kid)
    ]
    if not fitting or (kid is None and len(fitting) > 1):
        raise NotGranted("The token is signed with an unknown key.")
    return fitting[0]

"""What a provider says about itself, and the keys that it signs with."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, OKPKey, RSAKey

from steadfastapi.console.oidc.addresses import is_plain, may_be_asked
from steadfastapi.console.oidc.answers import ProviderTrouble
from steadfastapi.console.oidc.http import Http

if TYPE_CHECKING:
    from collections.abc import Callable

    from steadfastapi.console.oidc.settings import Oidc

FRESH = 3_600.0
"""Seconds until the provider is asked anew about itself and its keys."""
KEYS_EVERY = 60.0
"""Seconds between two questions for keys that a token's `kid` makes us ask."""
TROUBLE = 5.0
"""Seconds for which a provider in trouble is not asked again."""
MAX_KEYS = 100
MIN_RSA_BITS = 2_048

Key = RSAKey | ECKey | OKPKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What a provider says about itself, checked."""

    authorization: str
    token: str
    keys: str
    userinfo: str | None
    logout: str | None
    names_itself: bool
    """Whether it adds `iss` to its answers (RFC 9207)."""
    basic: bool
    """Whether it takes a client's secret as HTTP Basic."""


class Provider:
    """One provider, asked as seldom as will do.

    Args:
        settings: Which provider, and what is expected of it.
        clock: Seconds, going forwards.
    """

    def __init__(
        self, settings: Oidc, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._clock = clock
        self.http = Http(plain=is_plain(settings.issuer), seconds=settings.timeout)
        self._lock = anyio.Lock()
        self._metadata: Metadata | None = None
        self._metadata_at = 0.0
        self._keys: tuple[Key, ...] = ()
        self._keys_at: float | None = None
        self._trouble: ProviderTrouble | None = None
        self._trouble_at = 0.0

    async def metadata(self) -> Metadata:
        """Return what the provider says about itself.

        Raises:
            ProviderTrouble: It says nothing, or what cannot be relied on.
        """
        async with self._lock:
            return await self._current()

    async def keys(self, kid: str | None) -> tuple[Key, ...]:
        """Return the keys, asked for anew if none has this id.

        Raises:
            ProviderTrouble: There are none.
        """
        if not self._has(kid):
            async with self._lock:
                if not self._has(kid):  # nor has anybody asked while we waited
                    metadata = await self._current()
                    self._keys = _keys_in(await self._asked(metadata.keys))
                    self._keys_at = self._clock()
        return self._keys

    def _has(self, kid: str | None) -> bool:
        """Return whether asking again is of no use, or too soon."""
        if self._keys_at is None:
            return False
        age = self._clock() - self._keys_at
        known = kid is None or any(key.kid == kid for key in self._keys)
        return age < (FRESH if known else KEYS_EVERY)

    async def _current(self) -> Metadata:
        now = self._clock()
        if self._metadata is None or now - self._metadata_at > FRESH:
            issuer = self._settings.issuer.rstrip("/")
            answer = await self._asked(f"{issuer}/.well-known/openid-configuration")
            self._metadata = self._read(answer)
            self._metadata_at = now
        return self._metadata

    async def _asked(self, url: str) -> dict[str, Any]:
        """Ask, unless that has just failed: nobody may make us ask all the time."""
        if self._trouble and self._clock() - self._trouble_at < TROUBLE:
            raise ProviderTrouble(str(self._trouble))
        try:
            answer: dict[str, Any] = await self.http.get(url)
        except ProviderTrouble as trouble:
            self._trouble, self._trouble_at = trouble, self._clock()
            raise
        self._trouble = None
        return answer

    def _read(self, said: dict[str, Any]) -> Metadata:
        settings = self._settings
        if said.get("issuer") != settings.issuer:
            named = str(said.get("issuer"))[:200]
            raise ProviderTrouble(
                f"The provider calls itself {named!r}, and issuer=… says "
                f"{settings.issuer!r}; they must be equal, to the last slash."
            )
        # Entra ID knows S256 and does not say so: only another answer is a refusal.
        if "S256" not in said.get("code_challenge_methods_supported", ["S256"]):
            raise ProviderTrouble("The provider offers no PKCE with S256.")
        offered = said.get("id_token_signing_alg_values_supported")
        if isinstance(offered, list) and not set(map(str, offered)) & set(
            settings.algorithms
        ):
            raise ProviderTrouble("The provider signs with no allowed algorithm.")
        methods = said.get("token_endpoint_auth_methods_supported")
        return Metadata(
            authorization=self._address(said, "authorization_endpoint"),
            token=self._address(said, "token_endpoint"),
            keys=self._address(said, "jwks_uri"),
            userinfo=self._optional(said, "userinfo_endpoint"),
            logout=self._optional(said, "end_session_endpoint"),
            names_itself=said.get("authorization_response_iss_parameter_supported")
            is True,
            basic=not isinstance(methods, list) or "client_secret_basic" in methods,
        )

    def _address(self, said: dict[str, Any], name: str) -> str:
        url = said.get(name)
        if not may_be_asked(url, plain=is_plain(self._settings.issuer)):
            raise ProviderTrouble(f"The provider's {name} is no https address.")
        return str(url)

    def _optional(self, said: dict[str, Any], name: str) -> str | None:
        return self._address(said, name) if said.get(name) is not None else None


def _keys_in(answer: dict[str, Any]) -> tuple[Key, ...]:
    """Return the public keys for signatures; what cannot be read is left out."""
    entries = answer.get("keys")
    keys: list[Key] = []
    for entry in (entries if isinstance(entries, list) else [])[:MAX_KEYS]:
        # Never "oct": a public key set holds no secrets.
        if not isinstance(entry, dict) or entry.get("kty") not in ("RSA", "EC", "OKP"):
            continue
        if entry.get("use", "sig") != "sig":
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of short keys, which we leave out
                key = JWKRegistry.import_key(entry)
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        if isinstance(key, RSAKey) and key.raw_value.key_size < MIN_RSA_BITS:
            continue
        if isinstance(key, RSAKey | ECKey | OKPKey):
            keys.append(key)
    if not keys:
        raise ProviderTrouble("The provider publishes no key for signatures.")
    return tuple(keys)

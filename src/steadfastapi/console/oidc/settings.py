"""Settings of the login by OpenID Connect."""

from __future__ import annotations

import importlib.util
import os
from typing import TYPE_CHECKING, ClassVar, Self
from urllib.parse import urlsplit

from pydantic import Field, PrivateAttr, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from steadfastapi._settings import LayerSettings, Names
from steadfastapi.console.oidc.addresses import is_plain, may_be_asked
from steadfastapi.console.oidc.flow import OidcLogin
from steadfastapi.console.oidc.rules import Rules, rules_of
from steadfastapi.exceptions import ConfigurationError, MissingExtraError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from steadfastapi.console.access.identity import Identity, Refusal, SignedIn

PREFIX = "STEADFAST_CONSOLE_OIDC_"
ALGORITHMS = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA", "Ed25519"),
)
"""All that sign with a key which only the provider has."""

_PACKAGES = ("httpx", "joserfc")


class Oidc(LayerSettings):
    """Log in to the console at an OpenID provider, or with its access tokens."""

    model_config = SettingsConfigDict(env_prefix=PREFIX)
    name: ClassVar[str] = "console.oidc"

    issuer: str
    """The provider, as it calls itself: `https://login.example.org/realms/staff`."""

    client_id: str = Field(min_length=1, max_length=255)
    """The id that the provider gave to the console."""

    client_secret: SecretStr | None = Field(default=None, min_length=1)
    """Its secret, where the provider gave one; PKCE is used with and without."""

    redirect_uri: str | None = None
    """The address of the console's `/login/oidc/callback` as browsers reach it, e.g.
    `https://shop.example.org/ops/login/oidc/callback`; register it at the provider.
    Never taken from a request. Without it only bearer tokens are accepted."""

    logout_redirect_uri: str | None = None
    """Where the provider sends people after a logout, if it knows the address."""

    allowed: Names
    """Who may come in; one of these must hold: `ada@example.org`, `@example.org`
    (verified addresses), `roles=ops` (a claim, or a path such as
    `realm_access.roles=ops`), `*` for everybody whom the provider lets in."""

    required: Names = ()
    """Conditions, written in the same way, all of which must hold as well."""

    scopes: Names = ("openid", "profile", "email")
    """What the provider is asked for."""

    audience: Names = ()
    """What access tokens must be made for, e.g. a project id of Zitadel; `client_id`
    by default."""

    old_client_ids: Names = ()
    """Clients whose access tokens are accepted, too, while they are being replaced."""

    old_project_ids: Names = ()
    """Projects whose access tokens are accepted, too, while they are replaced."""

    algorithms: Names = ALGORITHMS
    """How tokens may be signed."""

    timeout: float = Field(default=3.0, gt=0, le=10)
    """Seconds for a question to the provider; half as many again for all of a login."""

    _login: OidcLogin | None = PrivateAttr(default=None)

    @classmethod
    def from_environment(cls) -> Self | None:
        """Return the settings of `STEADFAST_CONSOLE_OIDC_…`; None without any.

        Raises:
            ConfigurationError: They are not complete, or wrong.
        """
        names = (f"{PREFIX}{field}".upper() for field in cls.model_fields)
        return cls() if any(os.environ.get(name) for name in names) else None

    @field_validator("issuer")
    @classmethod
    def _is_an_issuer(cls, value: str) -> str:
        if not may_be_asked(value, plain=True) or urlsplit(value).query:
            raise ValueError(
                "write the provider's https address without a query; http only for one "
                "on this machine"
            )
        return value

    @field_validator("redirect_uri", "logout_redirect_uri")
    @classmethod
    def _comes_back_safely(cls, value: str | None) -> str | None:
        if value is None:
            return value
        parts = urlsplit(value)
        if not may_be_asked(value, plain=True) or parts.query or parts.fragment:
            raise ValueError(
                "write an https address without query and fragment; http only for one "
                "on this machine"
            )
        return value

    @field_validator("allowed", "required")
    @classmethod
    def _are_rules(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        rules_of(value, ())
        return value

    @field_validator("allowed")
    @classmethod
    def _lets_somebody_in(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("name who may come in; '*' for everybody")
        return value

    @field_validator("scopes")
    @classmethod
    def _asks_who_it_is(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "openid" not in value:
            raise ValueError("add 'openid', without which there is no ID token")
        return value

    @field_validator("algorithms")
    @classmethod
    def _cannot_be_forged(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        unknown = sorted(set(value) - set(ALGORITHMS))
        if unknown or not value:
            raise ValueError(f"choose among {', '.join(ALGORITHMS)}")
        return value

    def accepted_audiences(self) -> tuple[str, ...]:
        """Return what access tokens may be made for."""
        wanted = self.audience or (self.client_id,)
        return (*wanted, *self.old_client_ids, *self.old_project_ids)

    def rules(self) -> Rules:
        """Return who may come in."""
        return rules_of(self.allowed, self.required)

    # What the console asks of a single sign-on; see `console.identity`.

    @property
    def label(self) -> str:
        """The provider's host, for the link to it; empty where nobody can log in."""
        if self.redirect_uri is None:
            return ""
        return urlsplit(self.issuer).hostname or self.issuer

    def prepare(self, *, key: bytes, callback: str, production: bool) -> None:
        """Get ready, once, when the application is configured.

        Args:
            key: Secret bytes, the same in all workers.
            callback: Path of the callback in the application.
            production: Whether plain http is refused.

        Raises:
            ConfigurationError: An address does not fit, or a package is missing.
        """
        missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
        if missing:
            raise MissingExtraError(
                f"Oidc(…) needs {' and '.join(missing)}: "
                "pip install 'steadfastapi[oidc]'"
            )
        problems = [
            f"Oidc({name}=…) is {value!r}: write an https address in production."
            for name in ("issuer", "redirect_uri", "logout_redirect_uri")
            if production and is_plain(value := str(getattr(self, name)))
        ]
        path = urlsplit(self.redirect_uri or "").path
        if self.redirect_uri is not None and not path.endswith(callback):
            problems.append(
                f"Oidc(redirect_uri=…) is {self.redirect_uri!r}: its path must end "
                f"with {callback}, where the console waits for the answer."
            )
        if problems:
            raise ConfigurationError(problems)
        self._login = OidcLogin(self, key)

    async def begin(
        self,
        request: Request,  # noqa: ARG002 - nothing of it may decide
        target: str,
    ) -> Response | Refusal:
        """Send the browser to the provider; `target` is where it goes afterwards."""
        return await self._ready().begin(target)

    async def finish(self, request: Request) -> SignedIn | Refusal:
        """Check what the provider sent back with the browser."""
        return await self._ready().finish(request)

    async def bearer(self, token: str) -> Identity | Refusal:
        """Check the access token of an API client."""
        return await self._ready().bearer(token)

    async def farewell(
        self,
        request: Request,  # noqa: ARG002 - nothing of it decides
    ) -> str | None:
        """Return where a browser ends its session at the provider, if anywhere."""
        return await self._ready().farewell()

    def _ready(self) -> OidcLogin:
        if self._login is None:
            raise RuntimeError("Oidc is used before configure(…, console=Console(…))")
        return self._login

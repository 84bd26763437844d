"""Who somebody is, and what says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

Method = Literal["token", "basic", "dependency", "oidc"]

MAX_NAME = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Somebody who may see the console.

    Args:
        name: As the audit log should call them: a subject, a user name, an address.
        method: How that is known.
    """

    name: str
    method: Method


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why somebody may not.

    Args:
        status: 401 where other credentials might do, 403 where none of theirs will,
            503 where it cannot be known now.
        reason: For the audit log; may say more than the caller should know.
        detail: For the caller.
    """

    status: int = 401
    reason: str = ""
    detail: str = "Not authenticated"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """The end of a login at an OpenID provider.

    Args:
        identity: Who it is.
        target: Where they wanted to go, below the console: `/issues?level=error`.
        set_cookies: Values of `Set-Cookie` headers that the answer should have, such
            as the one that takes the cookie of the login away.
    """

    identity: Identity
    target: str = "/"
    set_cookies: tuple[str, ...] = ()


@runtime_checkable
class SingleSignOn(Protocol):
    """What the console asks of `Console(oidc=…)`. Every wait in it has a deadline."""

    @property
    def label(self) -> str:
        """What the link on the login page says after "Sign in with".

        Empty where people cannot log in, and only tokens of API clients are taken.
        """

    def prepare(self, *, key: bytes, callback: str, production: bool) -> None:
        """Get ready, once, when the application is configured.

        Args:
            key: 32 secret bytes, the same in all workers, for this purpose only.
            callback: Path of the callback in the application:
                `/ops/login/oidc/callback`.
            production: Whether plain http is refused.

        Raises:
            ConfigurationError: It cannot work like this.
        """

    async def begin(self, request: Request, target: str) -> Response | Refusal:
        """Send the browser to the provider; `target` is where it goes afterwards.

        A provider in trouble is a refusal with status 503.
        """

    async def finish(self, request: Request) -> SignedIn | Refusal:
        """Check what the provider sent back with the browser."""

    async def bearer(self, token: str) -> Identity | Refusal:
        """Check the access token of an API client."""

    async def farewell(self, request: Request) -> str | None:
        """Return where a browser ends its session at the provider, if anywhere."""

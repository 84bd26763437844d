"""Settings of the console, and what they add to the plan."""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Self

from fastapi.params import Depends
from pydantic import Field, PositiveFloat, PrivateAttr, SecretStr
from pydantic import field_validator as validates
from pydantic_settings import SettingsConfigDict

from steadfastapi._lifespan import LifespanPart
from steadfastapi._settings import LayerSettings
from steadfastapi.console.access.identity import SingleSignOn

if TYPE_CHECKING:
    from steadfastapi._plan import Plan

MIN_TOKEN = 16
"""Characters of a token below which the plan warns in production."""
OIDC_PREFIX = "STEADFAST_CONSOLE_OIDC_"


def _oidc() -> Any:
    """Return the OpenID provider that the environment names; None without one."""
    if not any(name.startswith(OIDC_PREFIX) for name in os.environ):
        return None
    from steadfastapi.console.oidc.settings import Oidc  # noqa: PLC0415 - where it is used

    return Oidc.from_environment()


class Console(LayerSettings):
    """Serve the console: errors, requests, logs, limits and settings, for people.

    In development anybody may see it who has the link that is printed at the start.
    Elsewhere there is none unless one of `token`, `basic`, `dependency` and `oidc` is
    set; several may be, and each of them lets in.
    """

    model_config = SettingsConfigDict(env_prefix="STEADFAST_CONSOLE_")
    name: ClassVar[str] = "console"
    conventional: ClassVar[dict[str, tuple[str, ...]]] = {"storage": ("REDIS_URL",)}

    path: str = "/ops"
    """What the paths of all pages begin with."""

    token: SecretStr | None = Field(default=None, min_length=1)
    """A secret that lets in who knows it: people on the login page, API clients as
    `Authorization: Bearer`."""

    basic: SecretStr | None = None
    """A name and a password, `user:password` or a pair of both: on the login page, and
    as HTTP Basic for API clients."""

    dependency: Any = Field(default=None, repr=False)
    """The application's own authentication: a FastAPI dependency, `Depends(…)`, or a
    function of the request. It is asked for every request, and lets in by returning
    something true: who the caller is."""

    oidc: Any = Field(default_factory=_oidc, repr=False)
    """An OpenID provider, `Oidc(issuer=…, client_id=…)`; by default what
    `STEADFAST_CONSOLE_OIDC_…` says."""

    secret: SecretStr | None = Field(default=None, min_length=16)
    """What signs the cookies of sessions, the same on all machines; by default made of
    the token and the password, which are."""

    storage: SecretStr | None = None
    """Address of a Redis, `redis://…`, that tells all machines who has logged out;
    without one, the workers of one machine tell each other."""

    idle: PositiveFloat = 1_800.0
    """Seconds without a visit after which a session ends: 30 minutes."""

    absolute: PositiveFloat = 28_800.0
    """Seconds after which a session ends in any case: 8 hours."""

    streams: int = Field(default=20, ge=0, le=1_000)
    """Pages that are updated live at one time, in each worker; more get 503."""

    exchanges: int = Field(default=500, ge=1, le=10_000)
    """Exchanges that each worker keeps in memory, of each kind: failed, refused, slow,
    and a sample of the others."""

    slow_after: PositiveFloat = 1.0
    """Seconds from which a successful exchange is kept as a slow one."""

    log_lines: int = Field(default=2_000, ge=1, le=100_000)
    """Log lines that each worker keeps in memory."""

    _is_default: bool = PrivateAttr(default=False)

    @classmethod
    def parts(cls) -> tuple[type[LayerSettings], ...]:
        """Return the settings of the OpenID provider, if any are there."""
        if not any(name.startswith(OIDC_PREFIX) for name in os.environ):
            return ()
        from steadfastapi.console.oidc.settings import Oidc  # noqa: PLC0415 - where it is used

        return (Oidc,)

    @validates("oidc")
    @classmethod
    def _signs_on(cls, value: Any) -> Any:
        if value is not None and not isinstance(value, SingleSignOn):
            raise ValueError("give Oidc(issuer=…, client_id=…, allowed=…)")
        return value

    @classmethod
    def by_default(cls) -> Self:
        """Return the console of an application that has said nothing about it."""
        console = cls()
        console._is_default = True
        return console

    @validates("path")
    @classmethod
    def _absolute(cls, value: str) -> str:
        if not value.startswith("/") or value != value.rstrip("/") or "{" in value:
            raise ValueError("write an absolute path such as /ops")
        return value

    @validates("dependency")
    @classmethod
    def _can_be_asked(cls, value: Any) -> Any:
        if value is not None and not isinstance(value, Depends) and not callable(value):
            raise ValueError("give Depends(…), or a function of the request")
        return value

    @validates("basic", mode="before")
    @classmethod
    def _pair(cls, value: Any) -> Any:
        if isinstance(value, (tuple, list)) and len(value) == 2:  # noqa: PLR2004
            user, password = (
                part.get_secret_value() if isinstance(part, SecretStr) else str(part)
                for part in value
            )
            value = f"{user}:{password}" if ":" not in user else ""
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if isinstance(text, str):
            user, _, password = text.partition(":")
            if not user or not password:
                raise ValueError("write user:password, neither of them empty")
        return value

    @property
    def is_protected(self) -> bool:
        """Whether anything but the development link lets in."""
        given = (self.token, self.basic, self.dependency, self.oidc)
        return any(one is not None for one in given)

    def contribute(self, plan: Plan) -> None:
        """Serve the console, where somebody may see it."""
        if plan.service.production and not self.is_protected:
            self._refuse(plan)
            return
        from steadfastapi.console.assembly import assemble  # noqa: PLC0415 - when on

        assembled = assemble(self, plan)
        plan.area(self.path, assembled.frame)
        if plan.service.production and self.token is not None:
            self._judge(plan, self.token.get_secret_value())
        given = ("token", "basic", "dependency", "oidc")
        ways = [name for name in given if getattr(self, name) is not None]
        plan.note(f"lets in by {', '.join(ways) or 'the link of each start'}", "access")
        plan.log_tap(assembled.log_ring.add)
        plan.lifespan(
            LifespanPart(name="console", start=assembled.start, stop=assembled.stop)
        )
        plan.handle(assembled.handle)

    def _judge(self, plan: Plan, token: str) -> None:
        if len(token) < MIN_TOKEN:
            plan.warn(
                f"The token of the console has {len(token)} characters, and can be "
                f"guessed: use {MIN_TOKEN} or more, as from `openssl rand -hex 20`."
            )

    def _refuse(self, plan: Plan) -> None:
        how = (
            "set STEADFAST_CONSOLE_TOKEN, or Console(token=…, basic=…, dependency=… or "
            "oidc=…)"
        )
        environment = plan.service.environment
        if not self._is_default:
            plan.problem(
                f"Console() would show everything to everybody in {environment!r}: "
                f"{how}."
            )
            return
        plan.note(f"there is none in {environment!r}: {how}", self.path)
        plan.lifespan(LifespanPart(name="console", start=self._say_so))

    def _say_so(self) -> None:
        import logging  # noqa: PLC0415 - once, and only without a console

        logging.getLogger("steadfastapi.console").info(
            "there is no console: set STEADFAST_CONSOLE_TOKEN to have one at %s",
            self.path,
        )

    def key(self, common: bytes) -> bytes:
        """Return the secret of the sessions: a change of any setting ends them all.

        Args:
            common: What counts where no setting is a secret.
        """
        given = (self.secret, self.token, self.basic)
        parts = [one.get_secret_value() if one else "" for one in given]
        if not any(parts):
            return hashlib.sha256(common).digest()
        material = "\0".join(parts).encode("utf-8", "surrogateescape")
        return _stretched(material)


@lru_cache(maxsize=8)
def _stretched(material: bytes) -> bytes:
    """Take 40 ms, once: who has a cookie could try passwords on it."""
    return hashlib.scrypt(
        material, salt=b"steadfastapi.console", n=2**14, r=8, p=1, dklen=32
    )

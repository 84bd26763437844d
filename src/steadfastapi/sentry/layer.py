"""Settings of Sentry, and what they add to the plan."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from steadfastapi._lifespan import LifespanPart
from steadfastapi._settings import Codes, LayerSettings, unknown
from steadfastapi.sentry import client

if TYPE_CHECKING:
    from steadfastapi._plan import Plan

CONFLICT = 409

_FIELDS = frozenset({"before_send", "dsn", "sample_rate"})
"""Options of the SDK that are settings of ours."""

_WRONG_DSN = (
    ("Unsupported scheme", "it must begin with https:// or http://"),
    ("Missing hostname", "the host is missing"),
    ("Missing public key", "the public key before the @ is missing"),
    ("Invalid project", "the project's number at the end is missing"),
)
"""What the SDK says, which may quote the DSN, and what we say."""


class Sentry(LayerSettings):
    """Send one scrubbed event for each error, when a DSN is set.

    Call `sentry_sdk.init` yourself, before `configure`, to keep a client of your
    own: then only `steadfastapi.before_send` is put around its hook.
    """

    model_config = SettingsConfigDict(env_prefix="STEADFAST_SENTRY_")
    name: ClassVar[str] = "sentry"
    conventional: ClassVar[dict[str, tuple[str, ...]]] = {"dsn": ("SENTRY_DSN",)}

    dsn: SecretStr | None = None
    """Address and key of the project; without one the layer is off."""

    statuses: Codes = frozenset({CONFLICT})
    """4xx answers to exceptions that are sent too, as warnings: conflicts show what
    people run into. Every 5xx is sent."""

    sample_rate: float = Field(default=1.0, ge=0.0, le=1.0)
    """Share of the events that is sent."""

    before_send: (
        Callable[[dict[str, Any], dict[str, Any]], dict[str, Any] | None] | None
    ) = None
    """Your hook of Sentry's kind: gets the completed event and changes it, or drops
    it by returning None; what it returns is scrubbed."""

    options: dict[str, Any] = Field(default_factory=dict, repr=False)
    """Further arguments of `sentry_sdk.init`; they win over ours."""

    @field_validator("dsn")
    @classmethod
    def _well_formed(cls, value: SecretStr | None) -> SecretStr | None:
        dsn = value.get_secret_value().strip() if value is not None else ""
        if not dsn:
            return None
        from sentry_sdk.utils import Dsn  # noqa: PLC0415 - only with a DSN

        try:
            Dsn(dsn)
        except ValueError as error:
            said = str(error)
            reason = next(
                (ours for theirs, ours in _WRONG_DSN if said.startswith(theirs)),
                "the host or its port is wrong",
            )
            raise ValueError(
                f"{reason}; write https://<key>@<host>/<project>, as Sentry shows it"
            ) from None
        return SecretStr(dsn)

    @field_validator("statuses")
    @classmethod
    def _client_errors(cls, value: frozenset[int]) -> frozenset[int]:
        wrong = sorted(code for code in value if not 400 <= code < 500)  # noqa: PLR2004
        if wrong:
            raise ValueError(
                f"{', '.join(map(str, wrong))} is no 4xx code; every 5xx is sent anyway"
            )
        return value

    @field_validator("options")
    @classmethod
    def _known_options(cls, value: dict[str, Any]) -> dict[str, Any]:
        ours = sorted(_FIELDS & value.keys())
        if ours:
            raise ValueError(f"write Sentry({ours[0]}=…) instead")
        if value:
            from sentry_sdk.consts import DEFAULT_OPTIONS  # noqa: PLC0415

            for option in value:
                if option not in DEFAULT_OPTIONS:
                    raise ValueError(unknown(option, option, DEFAULT_OPTIONS))
        return value

    def summary(self) -> dict[str, str]:
        """Return the settings that differ from their defaults, secrets masked."""
        shown = super().summary()
        if self.options:  # a proxy's address may hold a password
            shown["options"] = ", ".join(sorted(self.options))
        return shown

    def contribute(self, plan: Plan) -> None:
        """Initialise Sentry and watch errors."""
        present = client.found()
        if present is None and self.dsn is None:
            plan.note("off: no DSN", "process")
            return
        from steadfastapi.sentry import breadcrumbs, capture  # noqa: PLC0415

        plan.set_up(lambda: client.install(self, plan.service))
        self._explain(plan, present)
        if present is not None and client.has_integration(present, "starlette"):
            plan.on_start(capture.label)  # its own middleware isolates each request
        else:
            plan.on_start(capture.isolate)
        errors = capture.ErrorCapture(self.statuses)
        plan.on_error(errors.error)
        plan.on_response(errors.response)
        plan.log_processor(breadcrumbs.add_breadcrumb)
        plan.lifespan(LifespanPart(name="sentry", stop=client.flush))

    def _explain(self, plan: Plan, present: Any) -> None:
        if present is None:
            plan.note("initialises sentry_sdk", "process")
            return
        whose = (
            "an earlier configure()"
            if client.is_ours(present)
            else "the application; before_send is chained"
        )
        plan.note(f"uses the client initialised by {whose}", "process")
        if self.dsn is not None and self.dsn.get_secret_value() != present.dsn:
            plan.warn(
                "Sentry is already initialised in this process with another DSN than "
                f"that of {plan.service.name!r}; its events go there."
            )

"""Settings of the health checks, and what they add to the plan."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from steadfastapi._giving_way import OwnRoutes, Page
from steadfastapi._lifespan import LifespanPart
from steadfastapi._settings import LayerSettings
from steadfastapi.exceptions import ConfigurationError
from steadfastapi.health.access import Access
from steadfastapi.health.check import Rules
from steadfastapi.health.dashboard import PATH as DASHBOARD
from steadfastapi.health.dashboard import Dashboard
from steadfastapi.health.group import ProbeGroup
from steadfastapi.health.handle import HealthHandle
from steadfastapi.health.openapi import documented
from steadfastapi.health.pages import Pages
from steadfastapi.health.recorder import Recorder
from steadfastapi.health.refusal import MaintenanceMiddleware
from steadfastapi.health.storage import ALERTS, HISTORY, ProbeStorage
from steadfastapi.health.streams import Streams
from steadfastapi.health.switches import Switches

if TYPE_CHECKING:
    from steadfastapi._plan import Plan


_logger = logging.getLogger("steadfastapi.health")


class Health(LayerSettings):
    """Serve health checks that orchestrators and people can trust."""

    model_config = SettingsConfigDict(env_prefix="STEADFAST_HEALTH_")
    name: ClassVar[str] = "health"

    prefix: str = "/health"
    """What the paths of all pages begin with."""

    probes: tuple[Any, ...] = ()
    """Probes, or functions without arguments; `stack.health.add(…)` adds more."""

    groups: tuple[Any, ...] = ()
    """`ProbeGroup` objects that other modules declare."""

    startup_probes: tuple[Any, ...] = ()
    """Probes that must have passed once before the application has started."""

    startup_gate: bool = False
    """Whether the application is starting until `stack.health.set_started()`."""

    auth: Any = Field(default=None, repr=False)
    """Who may see details and switch maintenance: `{"type": "basic", "username": …,
    "password": …}`, `{"type": "apikey", "key": …}`, a function of the request, or a
    FastAPI dependency `Depends(…)`. Without it everybody sees details in development,
    and nobody elsewhere."""

    api_key: SecretStr | None = Field(default=None, min_length=1)
    """A secret that allows the same, as `X-API-Key` or bearer token."""

    timeout: float = Field(default=0.5, gt=0, le=60)
    """Seconds until a check counts as failed, where its probe does not say."""

    check_every: float = Field(default=1.0, ge=0.05, le=3600)
    """Seconds between two checks of a probe, whoever asks and how often."""

    fail_after: int = Field(default=2, ge=1, le=100)
    """Failures in a row that make a probe unhealthy."""

    recover_after: int = Field(default=2, ge=1, le=100)
    """Successes in a row that make it healthy again."""

    serve_503: bool = False
    """Whether the application answers 503 with `Retry-After` during maintenance."""

    storage: Any = None
    """Shares results and maintenance between workers and machines: `RedisStorage(…)`,
    or an object with the eight methods of `ProbeStorage`. Without one each worker
    knows its own."""

    alerters: tuple[Any, ...] = Field(default=(), repr=False)
    """Who is told of state changes, such as `SlackAlerter(…)`; at most one opening and
    one resolve a minute for each probe, and none in maintenance."""

    history_size: int = Field(default=HISTORY, ge=1, le=10_000)
    """Results of each probe that are kept in memory."""

    max_alerts: int = Field(default=ALERTS, ge=1, le=10_000)
    """State changes that are kept in memory."""

    max_streams: int = Field(default=100, ge=0, le=10_000)
    """Open streams of this process; more get 503."""

    dashboard: bool = True
    """Whether there is the page `dashboard` for people."""

    include_in_schema: bool = False
    """Whether the pages are in the OpenAPI document."""

    @field_validator("prefix")
    @classmethod
    def _absolute(cls, value: str) -> str:
        if not value.startswith("/") or value != value.rstrip("/") or "{" in value:
            raise ValueError("write an absolute path such as /health")
        return value

    @field_validator("auth")
    @classmethod
    def _can_authenticate(cls, value: Any) -> Any:
        Access(value, None, open_details=False)
        return value

    @field_validator("groups")
    @classmethod
    def _are_groups(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        for group in value:
            if not isinstance(group, ProbeGroup):
                raise ValueError(f"{group!r} is no ProbeGroup")  # noqa: TRY004
        return value

    @field_validator("storage")
    @classmethod
    def _is_storage(cls, value: Any) -> Any:
        if value is not None and not isinstance(value, ProbeStorage):
            raise ValueError("give an object with the eight methods of ProbeStorage")
        return value

    def contribute(self, plan: Plan) -> None:
        """Serve the pages, and ask the probes while the application runs."""
        rules = Rules(
            timeout=self.timeout,
            every=self.check_every,
            fail_after=self.fail_after,
            recover_after=self.recover_after,
        )
        recorder = Recorder(
            self.storage, history=self.history_size, alerts=self.max_alerts
        )
        handle = HealthHandle(
            plan,
            rules,
            recorder,
            gated=self.startup_gate,
            startup_probes=self.startup_probes,
        )
        self._add_probes(plan, handle)
        if self.alerters:
            # Only here: nobody who has none need load them.
            from steadfastapi.health.alerting import add_alerters  # noqa: PLC0415

            add_alerters(plan, handle, self.alerters)
        access = Access(
            self.auth,
            self.api_key.get_secret_value() if self.api_key else None,
            open_details=not plan.service.production,
            app=plan.app,
        )
        self._serve(plan, handle, access)
        if self.serve_503:
            plan.piece(
                "maintenance",
                MaintenanceMiddleware,
                phases=handle.phases,
                is_ours=plan.owns,
            )
        plan.lifespan(
            LifespanPart(
                name="health checks", start=handle.checks.start, stop=handle.stop
            )
        )
        plan.handle(handle)

    def _add_probes(self, plan: Plan, handle: HealthHandle) -> None:
        for candidate in self.probes:
            try:
                handle.add(candidate)
            except ConfigurationError as error:
                plan.problems += error.problems
        for group in self.groups:
            for member in group.members:
                try:
                    handle.include_member(member)
                except ConfigurationError as error:
                    plan.problems += error.problems

    def _serve(self, plan: Plan, handle: HealthHandle, access: Access) -> None:
        pages = Pages(handle, access, plan.service.version)
        streams = Streams(handle, pages, self.max_streams)
        switches = Switches(handle, access)
        every = {
            "": (pages.summary, ["GET"]),
            "/live": (pages.live, ["GET"]),
            "/ready": (pages.ready, ["GET"]),
            "/startup": (pages.startup, ["GET"]),
            "/status": (pages.status, ["GET"]),
            "/history": (pages.history, ["GET"]),
            "/alerts": (pages.alerts, ["GET"]),
            "/probes": (pages.probes, ["GET"]),
            "/metrics": (pages.metrics, ["GET"]),
            "/ready/stream": (streams.ready, ["GET"]),
            "/status/stream": (streams.status, ["GET"]),
            "/maintenance": (switches.maintenance, ["GET", "POST", "DELETE"]),
            "/drain": (switches.drain, ["POST"]),
        }
        board = Dashboard(handle, access, pages, plan.service, self.prefix)
        handle.dashboard = board
        if self.dashboard:
            every[DASHBOARD] = (board.page, ["GET", "POST"])
            every[f"{DASHBOARD}/stream"] = (streams.looks, ["GET"])
            plan.area(board.static_path, board.static)
        own = OwnRoutes(plan.app)
        made = [
            Page(self.prefix + path, endpoint, methods=methods, own=own)
            for path, (endpoint, methods) in every.items()
        ]
        for page in made:
            plan.page(page)
        plan.check(partial(_tell_of_own, own, made))
        if self.include_in_schema:
            plan.openapi(partial(documented, prefix=self.prefix, pages=every))
        if not access.configured and plan.service.production:
            plan.note(
                "details, history and switches are closed: set Health(auth=…) or "
                "STEADFAST_HEALTH_API_KEY",
                self.prefix,
            )


def _tell_of_own(own: OwnRoutes, pages: list[Page]) -> None:
    """Say which pages are not there because the application has its own."""
    paths = own.among(pages)
    if paths:
        _logger.warning(
            "the application has routes of its own where health pages would be: %s; "
            "remove them, or set Health(prefix=…) to another path",
            ", ".join(paths),
        )

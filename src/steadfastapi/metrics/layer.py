"""Settings of the metrics, and what they add to the plan."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from prometheus_client import disable_created_metrics
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from steadfastapi._giving_way import OwnRoutes, Page
from steadfastapi._lifespan import LifespanPart
from steadfastapi._routes import endpoints
from steadfastapi._service import worker_count
from steadfastapi._settings import LayerSettings
from steadfastapi.metrics import multiprocess
from steadfastapi.metrics.instrumentations import as_observer
from steadfastapi.metrics.observer import RequestMetrics
from steadfastapi.metrics.page import metrics_page
from steadfastapi.metrics.port import OwnPort
from steadfastapi.metrics.registry import Families, families_of
from steadfastapi.signals import LOG_EVENTS, LOG_LEVELS, Naming

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from steadfastapi._plan import Plan

_logger = logging.getLogger(__name__)


class Metrics(LayerSettings):
    """Serve Prometheus metrics, by route template, method and status class."""

    model_config = SettingsConfigDict(env_prefix="STEADFAST_METRICS_")
    name: ClassVar[str] = "metrics"

    path: str = "/metrics"
    """Where Prometheus scrapes."""

    token: SecretStr | None = Field(default=None, min_length=1)
    """What a scraper must send as bearer token; without one the page is open to
    everyone who reaches the port."""

    port: int | None = Field(default=None, ge=0, le=65535)
    """Serves the page on a port of its own instead of the application's; 0 takes a
    free one, see `stack.metrics.port`."""

    host: str = "0.0.0.0"  # noqa: S104 - Prometheus is on another machine, as a rule
    """Address that the page's own port listens on."""

    names: Naming = "default"
    """`default` is prometheus-fastapi-instrumentator's naming, `otel` the semantic
    conventions'."""

    status: Literal["class", "code"] = "class"
    """Whether the status label is `2xx` or `204`."""

    instrumentations: tuple[Callable[..., Any], ...] = ()
    """Functions of the Instrumentator's kind, `def f(info: Info)`, unchanged."""

    @field_validator("path")
    @classmethod
    def _absolute(cls, value: str) -> str:
        if not value.startswith("/") or value != value.rstrip("/") or "{" in value:
            raise ValueError("write an absolute path such as /metrics")
        return value

    def contribute(self, plan: Plan) -> None:
        """Watch the exchanges and serve the page."""
        problem = multiprocess.problem()
        if problem is not None:
            plan.problem(problem)
            return
        families = families_of(self.names)
        families.exact_status |= self.status == "code"
        plan.set_up(disable_created_metrics)  # a series less a child; nobody reads them
        plan.set_up(families.worker.watch_errors)
        observer = RequestMetrics(families, exact_status=self.status == "code")
        plan.on_start(observer.begin)
        plan.on_error(observer.error)
        plan.observe(observer.finish)
        for function in self.instrumentations:
            plan.observe(as_observer(function, exact_status=observer.exact_status))
        plan.log_processor(_log_counter(families))
        plan.meter.connect(families)
        plan.lifespan(_worker_metrics(plan, families, observer))
        own_port = self._serve(plan, families)
        plan.handle(MetricsHandle(families, own_port))
        self._tell_of_processes(plan)

    def _tell_of_processes(self, plan: Plan) -> None:
        if multiprocess.active():
            plan.note("multi-process mode: no exemplars, live gauges only", "process")
            return
        workers = worker_count() or 1
        if workers > 1:
            plan.warn(
                f"{workers} workers and no {multiprocess.VARIABLE}: each scrape sees "
                "one worker at random, so every count is wrong. Set "
                f"{multiprocess.VARIABLE} to an empty, writable directory in the "
                "environment of the server."
            )

    def _serve(self, plan: Plan, families: Families) -> OwnPort | None:
        token = self.token.get_secret_value() if self.token else None
        own_port = None
        if self.port is None:
            endpoint = metrics_page(families, token)
            own = OwnRoutes(plan.app)
            page = Page(self.path, endpoint, methods=["GET"], own=own)
            plan.page(page)
            plan.check(partial(_tell_of_own, own, page))
        else:
            own_port = OwnPort(
                families, host=self.host, port=self.port, path=self.path, token=token
            )
            plan.lifespan(
                LifespanPart(
                    name=f"{self.path} on port {self.port}",
                    start=own_port.start,
                    stop=own_port.stop,
                )
            )
        if token is None:
            plan.note(f"{self.path} is open to whoever reaches it", "route")
        return own_port


def _tell_of_own(own: OwnRoutes, page: Page) -> None:
    """Say that the page is not there because the application has its own."""
    if own.among([page]):
        _logger.warning(
            "the application has a route of its own at %s, and it is served: remove "
            "it, or set Metrics(path=…) to another path",
            page.path,
        )


class MetricsHandle:
    """`stack.metrics`."""

    def __init__(self, families: Families, own_port: OwnPort | None) -> None:
        self.families = families
        self._own_port = own_port

    @property
    def registry(self) -> CollectorRegistry:
        """The registry of this application's families."""
        return self.families.registry

    @property
    def port(self) -> int | None:
        """Where the page listens on its own; None while it does not."""
        return None if self._own_port is None else self._own_port.port


def _log_counter(families: Families) -> Callable[[dict[str, Any]], dict[str, Any]]:
    increments = {level: families.child(LOG_EVENTS, level).inc for level in LOG_LEVELS}

    def count(event: dict[str, Any]) -> dict[str, Any]:
        increment = increments.get(event.get("level", ""))
        if increment is not None:
            increment()
        return event

    return count


def _worker_metrics(
    plan: Plan, families: Families, observer: RequestMetrics
) -> LifespanPart:
    def start() -> None:
        families.worker.start(plan.service)
        is_quiet = plan.is_quiet()
        observer.prepare(
            (template, method)
            for template, method in endpoints(plan.app)
            if not is_quiet(template)
        )

    return LifespanPart(name="worker metrics", start=start, stop=families.worker.stop)

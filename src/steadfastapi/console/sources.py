"""What the console shows: the handles of the other layers, where they are on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steadfastapi._service import worker_count
from steadfastapi.console import shared
from steadfastapi.console.shared_level import SharedLevel

if TYPE_CHECKING:
    from steadfastapi._plan import Plan
    from steadfastapi._service import Service
    from steadfastapi.console.log_ring import LogRing

    # Only their types: a layer that is off is not imported.
    from steadfastapi.health.handle import HealthHandle
    from steadfastapi.inbox.handle import InboxHandle
    from steadfastapi.limits.layer import LimitsHandle
    from steadfastapi.logs.layer import LogControl
    from steadfastapi.metrics.layer import MetricsHandle
    from steadfastapi.tracing.layer import TracingHandle


class Sources:
    """Reads the plan late: layers that contribute after the console are there too.

    Args:
        plan: Of the application.
        log_ring: The last log lines of this worker.
    """

    def __init__(self, plan: Plan, log_ring: LogRing) -> None:
        self.plan = plan
        self._log_ring = log_ring
        self.level = SharedLevel(self._set_level, shared.common_file("level"))
        """Switches the level of the logs, in all workers of this machine."""
        self.extras: dict[str, Any] = {}
        """What the pages of the console keep themselves, such as the exchanges."""

    @property
    def service(self) -> Service:
        """Name, version and environment of what is served."""
        return self.plan.service

    @property
    def workers(self) -> int:
        """How many workers serve, as far as that shows; pages say "this worker"."""
        return worker_count() or 1

    @property
    def inbox(self) -> InboxHandle | None:
        """The issues, or None."""
        found: InboxHandle | None = self.handle("inbox")
        return found

    @property
    def health(self) -> HealthHandle | None:
        """The health checks, or None."""
        found: HealthHandle | None = self.handle("health")
        return found

    @property
    def limits(self) -> LimitsHandle | None:
        """The rate limits, or None."""
        found: LimitsHandle | None = self.handle("limits")
        return found

    @property
    def logs(self) -> LogControl | None:
        """The level of the logs, or None."""
        found: LogControl | None = self.handle("logs")
        return found

    @property
    def metrics(self) -> MetricsHandle | None:
        """The metrics, or None."""
        found: MetricsHandle | None = self.handle("metrics")
        return found

    @property
    def tracing(self) -> TracingHandle | None:
        """The recent spans, or None."""
        found: TracingHandle | None = self.handle("tracing")
        return found

    @property
    def log_ring(self) -> LogRing | None:
        """The last log lines of this worker; None where the logs layer is off."""
        return None if self.logs is None else self._log_ring

    def handle(self, name: str) -> Any:
        """Return the handle of a layer, `slo` or `watchdog` for example, or None."""
        return self.plan.handles.get(name)

    def _set_level(self, level: str, logger: str | None) -> None:
        if self.logs is not None:
            self.logs.set_level(level, logger)

    def lines_of(self, request_id: str) -> list[dict[str, Any]]:
        """Return the log lines of a request that this worker still has, oldest first.

        Each is a dictionary of plain, scrubbed values: `timestamp` (RFC 3339), `level`
        in lower case, `event`, `logger`, `request_id`, and whatever was logged.
        """
        return self._log_ring.lines_of(request_id)

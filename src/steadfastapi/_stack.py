"""What `configure` returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steadfastapi._apply import Applied
    from steadfastapi._plan import Layer, Plan
    from steadfastapi._service import Service
    from steadfastapi.console.handle import ConsoleHandle
    from steadfastapi.health.handle import HealthHandle
    from steadfastapi.inbox.handle import InboxHandle
    from steadfastapi.limits.layer import LimitsHandle
    from steadfastapi.logs.layer import LogControl
    from steadfastapi.metrics.layer import MetricsHandle
    from steadfastapi.slo.handle import SLOHandle
    from steadfastapi.slo.layer import NothingPromised
    from steadfastapi.tracing.layer import TracingHandle
    from steadfastapi.watchdog.layer import WatchdogHandle


class Stack:
    """What `configure` returns: the applied plan and the handles of its layers.

    `print(stack)` shows it as a table.
    """

    def __init__(
        self, plan: Plan, layers: Mapping[str, Layer | None], applied: Applied
    ) -> None:
        self.plan = plan
        self.layers = dict(layers)
        self.applied = applied
        self._lifespans = applied.lifespans

    @property
    def service(self) -> Service:
        """Name, version and environment of what is served."""
        return self.plan.service

    @property
    def metrics(self) -> MetricsHandle:
        """The registry of this application: `stack.metrics.registry`."""
        handle: MetricsHandle = self._handle("metrics")
        return handle

    @property
    def tracing(self) -> TracingHandle:
        """The tracer provider and the ring of recent spans."""
        handle: TracingHandle = self._handle("tracing")
        return handle

    @property
    def health(self) -> HealthHandle:
        """The health checks: `stack.health.add(probe)`, maintenance, and states."""
        handle: HealthHandle = self._handle("health")
        return handle

    @property
    def inbox(self) -> InboxHandle:
        """The issues: every error of the application, grouped and kept."""
        handle: InboxHandle = self._handle("inbox")
        return handle

    @property
    def console(self) -> ConsoleHandle:
        """The pages for people, and the link that opens them in development."""
        handle: ConsoleHandle = self._handle("console")
        return handle

    @property
    def slo(self) -> SLOHandle | NothingPromised:
        """The service level objectives: `stack.slo.status()` says what is left."""
        handle: SLOHandle | NothingPromised = self._handle("slo")
        return handle

    @property
    def limiter(self) -> LimitsHandle:
        """How the rate limits are counted, and a way to forget the counts."""
        handle: LimitsHandle = self._handle("limits", "limiter")
        return handle

    @property
    def logs(self) -> LogControl:
        """The log level, which can be changed at run time."""
        handle: LogControl = self._handle("logs")
        return handle

    @property
    def watchdog(self) -> WatchdogHandle:
        """How late the event loop is."""
        handle: WatchdogHandle = self._handle("watchdog")
        return handle

    def watch_engine(self, engine: Any, name: str | None = None) -> None:
        """Measure a SQLAlchemy engine: its pool, waits, and what statements take.

        Works for several engines; the second call for one of them does nothing. The
        engine is not kept alive. With `watchdog=False` nothing happens.

        Args:
            engine: What `create_engine()` or `create_async_engine()` returned.
            name: Label of its metrics; the database's kind by default, e.g.
                `postgresql`. Engines of one name are added up.

        Raises:
            ConfigurationError: It is no engine, or is watched under another name.
        """
        if "watchdog" in self.plan.handles:
            self.watchdog.watch_engine(engine, name)

    def watch_client(self, client: Any, target: str | None = None) -> None:
        """Time the outbound calls of a client of httpx or httpx2, sync or async.

        A call lasts until `client.send` returns: with its body, unless it is streamed.
        With `watchdog=False` nothing happens.

        Args:
            client: The client; its `send` is wrapped.
            target: Label of its metrics, what is called; by default the host of the
                client's `base_url`.

        Raises:
            ConfigurationError: It is no client, or nothing says what is called.
        """
        if "watchdog" in self.plan.handles:
            self.watchdog.watch_client(client, target)

    def shutdown(self, deadline: float | None = None) -> bool:
        """Flush and stop everything; at most `deadline` seconds, 5 by default.

        Servers that run the application's lifespan do this by themselves. Blocks:
        call it from a thread, not from the event loop.

        Returns:
            Whether everything was delivered in time.
        """
        return self._lifespans.stop(deadline)

    def _handle(self, name: str, attribute: str | None = None) -> Any:
        if name not in self.plan.handles:
            why = f"the layer is off; remove {name}=False from configure()."
            if self.layers.get(name) is not None:
                why = "nobody may see it in production; print(stack) says what to set."
            raise AttributeError(f"stack.{attribute or name}: {why}")
        return self.plan.handles[name]

    def __str__(self) -> str:
        from steadfastapi._report import render  # noqa: PLC0415 - Rich only to print

        return render(self.plan, self.layers, self.applied)

    def __repr__(self) -> str:
        names = ", ".join(name for name, layer in self.layers.items() if layer)
        return f"<Stack of {self.service.name!r}: {names}>"

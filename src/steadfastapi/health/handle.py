"""`stack.health`: what an application tells its health layer, and asks it."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Unpack

from steadfastapi.exceptions import ConfigurationError
from steadfastapi.health.changes import Changes
from steadfastapi.health.checks import Checks, overall
from steadfastapi.health.group import Member, ProbeGroup, member_of
from steadfastapi.health.landing import Landing
from steadfastapi.health.maintenance import Maintenance
from steadfastapi.health.model import HealthReport
from steadfastapi.health.phase import Phases
from steadfastapi.health.probe import as_probe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fastapi import APIRouter

    from steadfastapi._plan import Plan
    from steadfastapi.health.changes import Listener
    from steadfastapi.health.check import Check, Rules
    from steadfastapi.health.dashboard import Dashboard
    from steadfastapi.health.discovery import Discovery
    from steadfastapi.health.model import ProbeResult
    from steadfastapi.health.passive import WatchOptions
    from steadfastapi.health.recorder import Recorder

_logger = logging.getLogger("steadfastapi.health")


class HealthHandle:
    """Probes, phases and reports of one application.

    Args:
        plan: What the layer contributes to.
        rules: How probes are asked.
        recorder: Keeps results and state changes.
        gated: Whether the application is starting until `set_started` is called.
        startup_probes: What must have passed once before it has started.
    """

    def __init__(
        self,
        plan: Plan,
        rules: Rules,
        recorder: Recorder,
        *,
        gated: bool = False,
        startup_probes: Iterable[Any] = (),
    ) -> None:
        self.recorder = recorder
        self.phases = Phases(gated=gated or bool(startup_probes))
        self.changes = Changes()
        self.checks = Checks(rules, Landing(recorder, plan.meter, self.changes))
        self.startup = Checks(rules, lambda *_: None)
        self._plan = plan
        self._gate_open = not gated
        self.maintenance = Maintenance(self.phases, recorder)
        self.dashboard: Dashboard | None = None
        """What the health page shows, for the console to show it, too."""
        self._discovery: Discovery | None = None
        for probe in startup_probes:
            self.startup.add(member_of(as_probe(probe), critical=True))
        self.checks.each_second += [self.look_at_startup, self.maintenance.share]

    # Probes

    def add(
        self, probe: Any, critical: bool | None = None, *, name: str | None = None
    ) -> HealthHandle:
        """Ask one more probe; returns the handle, for chains.

        Args:
            probe: A probe, or a function without arguments, async or not. The same
                object twice counts once.
            critical: Whether readiness depends on it. By default it does, except
                for passive probes and for services of others (HTTP, SMTP, Celery).
            name: Name of a function's probe; its own by default.

        Raises:
            ConfigurationError: It is no probe, or its name is taken.
        """
        self.checks.add(member_of(as_probe(probe, name), critical=critical))
        return self

    def add_probes(
        self, probes: Iterable[Any], critical: bool | None = None
    ) -> HealthHandle:
        """Ask several probes of the same criticality; returns the handle."""
        for probe in probes:
            self.add(probe, critical)
        return self

    def include(self, group: ProbeGroup) -> HealthHandle:
        """Ask the probes of a group; returns the handle."""
        for member in group.members:
            self.include_member(member)
        return self

    def include_member(self, member: Member) -> None:
        """Ask a probe as a group has it."""
        self.checks.add(member)

    def discover_routes(
        self,
        *,
        include: Iterable[str] = (),
        exclude: Iterable[str] = (),
        methods: Iterable[str] = (),
        critical: bool = False,
        **options: Unpack[WatchOptions],
    ) -> HealthHandle:
        """Make a probe of each route when it is first called, 200 at most.

        Args:
            include: Path prefixes of the routes that count; none means all.
            exclude: Path prefixes of those that do not.
            methods: HTTP methods that count; none means all.
            critical: Whether readiness depends on them.
            **options: Those of `RouteProbe`.

        Raises:
            ConfigurationError: The application has started, or an option is wrong.
        """
        return self.watch_router(
            None,
            include=include,
            exclude=exclude,
            methods=methods,
            critical=critical,
            **options,
        )

    def watch_router(
        self,
        router: APIRouter | None,
        *,
        include: Iterable[str] = (),
        exclude: Iterable[str] = (),
        methods: Iterable[str] = (),
        critical: bool = False,
        **options: Unpack[WatchOptions],
    ) -> HealthHandle:
        """The same for the routes of one router; it goes before `discover_routes`."""
        if self._plan.app.middleware_stack is not None:
            raise ConfigurationError(
                "discover_routes() and watch_router(): the application has already "
                "started; call them where configure() is called."
            )
        # Only here: without passive probes nobody need load them.
        from steadfastapi.health.discovery import Discovery, rule_of  # noqa: PLC0415

        rule = rule_of(
            include=include,
            exclude=exclude,
            methods=methods,
            critical=critical,
            options=options,
            router=router,
        )
        if self._discovery is None:
            self._discovery = Discovery(self.add)
            self._plan.observe(self._discovery.observe)
        self._discovery.follow(rule)
        return self

    # Phases

    def set_started(self) -> HealthHandle:
        """Open the startup gate; returns the handle."""
        self._gate_open = True
        if not len(self.startup):
            self.phases.started = True
        return self

    def drain(self) -> None:
        """Turn readiness to 503 at once, while requests are still served."""
        if not self.phases.draining:
            self.phases.drain()
            _logger.warning("draining: readiness is 503 from now on")

    def set_maintenance(self, until: datetime | None = None) -> HealthHandle:
        """Begin maintenance; a shared storage tells the other workers.

        Args:
            until: Its end, with a time zone or in UTC; None for no end.
        """
        self.maintenance.begin(until)
        return self

    def clear_maintenance(self) -> HealthHandle:
        """End maintenance; a shared storage tells the other workers."""
        self.maintenance.end()
        return self

    def stop(self, deadline: float) -> bool:
        """Ask no more, and close what was opened; called in a thread.

        Returns:
            Whether everything was closed in time.
        """
        return self.checks.stop(deadline, self._close_rest)

    async def _close_rest(self) -> None:
        closing = [check.aclose() for check in self.startup]
        await asyncio.gather(*closing, self.recorder.aclose(), return_exceptions=True)

    # Reports

    def on_state_change(self, listener: Listener) -> Callable[[], None]:
        """Call `listener(alert)` for each state change; returns the undo.

        Or `listener(name, before, after)`, as fastapi-watch does. It may be async, and
        is called in the background, in order, for ten seconds at most; in maintenance
        too, which `phases.in_maintenance` tells.
        """
        return self.changes.subscribe(listener)

    async def run_all(self) -> list[ProbeResult]:
        """Return the result of every probe, asked now where one is due."""
        await self.checks.fresh(self.checks)
        return [check.shown() for check in self.checks]

    async def get_report(self) -> HealthReport:
        """Return what `GET /health/status` says to those who may see details."""
        await self.checks.fresh(self.checks)
        checks = tuple(self.checks)
        return self.report(checks, overall(checks))

    def report(self, checks: Iterable[Check], status: str) -> HealthReport:
        """Return what is known of some checks."""
        results = [check.shown() for check in checks]
        times = [one.checked_at for one in results if one.checked_at is not None]
        return HealthReport(
            status=status,
            checked_at=max(times, default=datetime.now(UTC)),
            probes=results,
            failing=[
                one.name for one in results if one.critical and not one.is_passing
            ],
        )

    async def look_at_startup(self) -> None:
        """Find out whether the application has started, while it has not."""
        if self.phases.started or not self._gate_open:
            return
        await self.startup.fresh(self.startup)
        if all(check.latest and check.latest.is_passing for check in self.startup):
            self.phases.started = True

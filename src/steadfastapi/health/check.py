"""One probe, asked at most once at a time and once a second, whoever wants to know."""

from __future__ import annotations

import asyncio
import contextvars
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from steadfastapi._guard import guard
from steadfastapi._scrub import scrub
from steadfastapi.health.attempt import GRACE, Attempts
from steadfastapi.health.failure import describe, without
from steadfastapi.health.model import ProbeResult, ProbeStatus
from steadfastapi.health.probe import as_result
from steadfastapi.health.standing import Standing

if TYPE_CHECKING:
    from steadfastapi.health.group import Member


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How probes are asked where they do not say otherwise.

    Args:
        timeout: Seconds until a check counts as failed.
        every: Seconds between the starts of two checks.
        fail_after: Failures in a row that make it unhealthy.
        recover_after: Successes in a row that make it healthy again.
    """

    timeout: float = 0.5
    every: float = 1.0
    fail_after: int = 2
    recover_after: int = 2


Landed = Callable[["Check", ProbeResult, ProbeStatus | None], None]
"""Told of each result, and of the state before it where it changed the state."""


class Check:
    """Runs one probe, and knows how it stands.

    Args:
        member: The probe.
        rules: How it is asked.
        landed: Told of each result.
    """

    def __init__(self, member: Member, rules: Rules, landed: Landed) -> None:
        probe = member.probe
        self.probe = probe
        self.name = probe.name
        self.critical = member.critical
        self.tags = frozenset(member.tags)
        self.timeout = rules.timeout if probe.timeout is None else probe.timeout
        own_pace = (probe.poll_interval_ms or 0) / 1000
        self.every = max(rules.every, own_pace)
        self.standing = Standing(
            fail_after=rules.fail_after, recover_after=rules.recover_after
        )
        self.latest: ProbeResult | None = None
        """The last result, with its own status."""
        self.last_success: float | None = None
        """Unix time of the last check that did not fail."""
        self.due = 0.0
        """When the next check may start, by `time.monotonic`."""
        self._landed = landed
        self._flight: asyncio.Task[None] | None = None
        self._attempts = Attempts(probe, self.timeout)

    def begin(self) -> asyncio.Task[None] | None:
        """Start a check where one is due; return the one that runs, if one does.

        Never cancel the task: others wait for it as well.
        """
        loop = asyncio.get_running_loop()
        flight = self._flight
        if flight is not None and not flight.done() and flight.get_loop() is loop:
            return flight
        now = time.monotonic()
        if now < self.due:
            return None
        self.due = now + self.every
        # Nothing of the request that happens to ask: no trace, no bound fields.
        context = contextvars.Context()
        context.run(_untraced)
        self._flight = loop.create_task(self._run(), context=context)
        return self._flight

    def shown(self) -> ProbeResult:
        """Return the last result as it is shown: in the state that holds."""
        result = self.latest
        if result is None:
            return ProbeResult(
                name=self.name,
                status=ProbeStatus.NO_DATA,
                critical=self.critical,
                description=self.probe.description,
                tags=sorted(self.tags),
            )
        standing = self.standing
        circuit = {
            "open": standing.is_open,
            "consecutive_failures": standing.consecutive_failures,
            "trips_total": standing.trips,
        }
        details = {
            **(result.details or {}),
            "circuit_breaker": circuit,
            "since": standing.since.isoformat(),
        }
        return result.model_copy(update={"status": standing.status, "details": details})

    async def aclose(self) -> None:
        """Abandon what runs, and give back what the probe opened."""
        flight, loop = self._flight, asyncio.get_running_loop()
        if flight is not None and not flight.done() and flight.get_loop() is loop:
            flight.cancel()
            await asyncio.wait({flight}, timeout=GRACE)
        await self._attempts.abandon()
        await self.probe.aclose()

    async def _run(self) -> None:
        at = datetime.now(UTC)
        started = time.perf_counter()
        try:
            result = as_result(self.probe, await self._attempts.run())
        except Exception as error:
            result = self._failure(error)
        took = time.perf_counter() - started
        try:
            self.latest = self._completed(result, at, took)
            if self.latest.is_passing and self.latest.has_data:
                self.last_success = at.timestamp()
            before = self.standing.take(self.latest.status, at)
            self._landed(self, self.latest, before)
        except Exception as error:
            guard.swallow("health.check", error)

    def _failure(self, error: Exception) -> ProbeResult:
        return ProbeResult(
            name=self.name,
            status=ProbeStatus.UNHEALTHY,
            error=describe(error, self.probe.secrets),
        )

    def _completed(self, result: ProbeResult, at: datetime, took: float) -> ProbeResult:
        """Return a result with what its probe cannot know, and without secrets."""
        error = result.error
        if error is not None:
            error = scrub(without(error, self.probe.secrets), limit=512)
        return result.model_copy(
            update={
                "name": self.name,
                "critical": self.critical,
                "latency_ms": result.latency_ms or round(took * 1000, 2),
                "error": error,
                "description": result.description or self.probe.description,
                "tags": sorted(self.tags),
                "details": None if result.details is None else scrub(result.details),
                "checked_at": at,
            }
        )


def _untraced() -> None:
    """Keep client libraries from tracing the checks of the current context."""
    if "opentelemetry.context" not in sys.modules:
        return
    from opentelemetry import context  # noqa: PLC0415 - only where it is used anyway

    context.attach(context.set_value(context._SUPPRESS_INSTRUMENTATION_KEY, True))  # noqa: SLF001

"""Probes that watch calls which are made anyway."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, Unpack

from steadfastapi._guard import guard
from steadfastapi.exceptions import ConfigurationError
from steadfastapi.health.model import ProbeResult, ProbeStatus
from steadfastapi.health.probe import BaseProbe, Outcome, ProbeOptions
from steadfastapi.health.watching import watching
from steadfastapi.health.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable

    from steadfastapi.health.window import Summary

P = ParamSpec("P")
T = TypeVar("T")

WINDOW_SECONDS = 60.0
WINDOW_SIZE = 256
"""Calls that are remembered: enough for a p99, and some 40 kB a probe."""
MIN_CALLS = 5
"""Calls below which nothing is judged: one failure of one call is no rate."""


class WatchOptions(ProbeOptions, total=False):
    """Options of everything that watches calls."""

    max_error_rate: float
    max_avg_rtt_ms: float | None
    window_seconds: float
    window_size: int
    min_calls: int
    slow_call_threshold_ms: float | None


class PassiveProbe(BaseProbe):
    """Watches calls, and judges those of the last minute.

        payments = PassiveProbe("payments", max_error_rate=0.05)

        @payments.watch
        async def charge(amount): ...

    Never critical unless `add(…, critical=True)` says so. Without calls in the
    window its status is `no_data`, so that a fault heals with time, not with traffic.

    Args:
        name: Shown everywhere, unique in an application.
        max_error_rate: Errors per call, 0 to 1, above which it is unhealthy.
        max_avg_rtt_ms: Milliseconds on average above which it is unhealthy.
        window_seconds: Age at which a call is forgotten.
        window_size: Calls that are remembered at most.
        min_calls: Calls in the window below which nothing is judged.
        slow_call_threshold_ms: Milliseconds from which on a call counts as slow.
        **options: Those of every probe.
    """

    passive = True

    def __init__(  # noqa: PLR0913 - all but the name by keyword
        self,
        name: str | None = None,
        *,
        max_error_rate: float = 0.1,
        max_avg_rtt_ms: float | None = None,
        window_seconds: float = WINDOW_SECONDS,
        window_size: int = WINDOW_SIZE,
        min_calls: int = MIN_CALLS,
        slow_call_threshold_ms: float | None = None,
        **options: Unpack[ProbeOptions],
    ) -> None:
        super().__init__(name, **options)
        if not 0 <= max_error_rate <= 1:
            raise ConfigurationError(
                f"{type(self).__name__}(max_error_rate={max_error_rate!r}): a part of "
                "all calls, from 0 to 1."
            )
        if window_seconds <= 0 or window_size < 1:
            raise ConfigurationError(
                f"{type(self).__name__}(window_seconds={window_seconds!r}, "
                f"window_size={window_size!r}): both are above 0."
            )
        self.max_error_rate = max_error_rate
        self.max_avg_rtt_ms = max_avg_rtt_ms
        self.min_calls = min_calls
        self._slow_after = (
            None if slow_call_threshold_ms is None else slow_call_threshold_ms / 1000
        )
        self.window = Window(window_seconds, window_size)

    def watch(self, function: Callable[P, T]) -> Callable[P, T]:
        """Watch every call of a function; sync, async, or a generator of either kind.

        The function behaves as before: arguments, results, exceptions, and what
        FastAPI reads from its signature.
        """
        return watching(function, self._returned, self._raised)

    def record(self, seconds: float, error: str = "", status: int = 0) -> None:
        """Remember a call that was timed elsewhere.

        Args:
            seconds: How long it took.
            error: Class of its error; empty for a success.
            status: Its HTTP status, if it had one.
        """
        self.window.record(seconds, error, status)

    def record_cache_hit(self) -> None:
        """Count a look-up that found something."""
        self.window.record_cache(hit=True)

    def record_cache_miss(self) -> None:
        """Count a look-up that found nothing."""
        self.window.record_cache(hit=False)

    def error_of(self, exception: BaseException) -> tuple[str, int]:
        """Return what an exception counts as: class of the error, and HTTP status."""
        return type(exception).__name__, 0

    def status_of(self, result: Any) -> tuple[str, int]:  # noqa: ARG002
        """Return what a result counts as: class of the error, and HTTP status."""
        return "", 0

    async def check(self) -> Outcome:
        """Judge the calls of the window."""
        return self.judged()

    def judged(self) -> ProbeResult:
        """Return the verdict over the calls of the window."""
        summary = self.window.summary(self._slow_after)
        reasons = self._reasons(summary)
        status = ProbeStatus.UNHEALTHY if reasons else ProbeStatus.HEALTHY
        return ProbeResult(
            name=self.name,
            status=status if summary.calls else ProbeStatus.NO_DATA,
            latency_ms=_ms(summary.mean),
            error="; ".join(reasons) or None,
            details=self.traffic(summary),
        )

    def traffic(self, summary: Summary | None = None) -> dict[str, Any]:
        """Return the figures of the window, under fastapi-watch's names."""
        if summary is None:
            summary = self.window.summary(self._slow_after)
        window = self.window
        details: dict[str, Any] = {
            "call_count": window.total,
            "error_count": window.total_errors,
            "error_rate": round(summary.error_rate, 4),
            "consecutive_errors": window.consecutive_errors,
            "requests_per_minute": summary.per_minute,
        }
        if summary.calls:
            details |= {
                "avg_rtt_ms": _ms(summary.mean),
                "p50_rtt_ms": _ms(summary.quantile(0.50)),
                "p95_rtt_ms": _ms(summary.quantile(0.95)),
                "p99_rtt_ms": _ms(summary.quantile(0.99)),
                "min_rtt_ms": _ms(summary.seconds[0]),
                "max_rtt_ms": _ms(summary.seconds[-1]),
            }
        if self._slow_after is not None:
            details["slow_calls"] = summary.slow
        if summary.error_types:
            details["error_types"] = summary.error_types
        if summary.statuses:
            details["status_distribution"] = summary.statuses
        hits, misses = window.cache()
        if hits or misses:
            details |= {"cache_hits": hits, "cache_misses": misses}
        error_age = window.age_of_last(success=False)
        if error_age is not None:
            details["last_error_at"] = _ago(error_age)
            success_age = window.age_of_last(success=True)
            if success_age is not None:
                details["last_success_at"] = _ago(success_age)
        return details

    def _reasons(self, summary: Summary) -> list[str]:
        if summary.calls < self.min_calls:
            return []
        reasons = []
        if summary.error_rate > self.max_error_rate:
            reasons.append(
                f"error rate {summary.error_rate:.1%} "
                f"is above {self.max_error_rate:.1%}"
            )
        if self.max_avg_rtt_ms is not None and _ms(summary.mean) > self.max_avg_rtt_ms:
            reasons.append(
                f"{_ms(summary.mean)} ms on average is above {self.max_avg_rtt_ms} ms"
            )
        return reasons

    # What watching itself does wrong never reaches the caller.

    def _returned(self, started: float, result: Any) -> None:
        took = time.perf_counter() - started
        try:
            self.record(took, *self.status_of(result))
        except Exception as error:
            guard.swallow("health.watch", error)

    def _raised(self, started: float, exception: BaseException) -> None:
        took = time.perf_counter() - started
        if not isinstance(exception, Exception):
            return  # cancelled by its caller: says nothing of what was called
        try:
            self.record(took, *self.error_of(exception))
        except Exception as error:
            guard.swallow("health.watch", error)


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 2)


def _ago(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()

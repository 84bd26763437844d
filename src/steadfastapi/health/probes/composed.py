"""Probes around probes, and one that is always well."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Unpack

from steadfastapi.exceptions import ConfigurationError
from steadfastapi.health.model import ProbeResult, ProbeStatus
from steadfastapi.health.probe import BaseProbe, Outcome, ProbeOptions, as_result

Judge = Callable[[dict[str, Any]], bool]


class NoOpProbe(BaseProbe):
    """Always healthy: a placeholder, or the base of a stub in tests.

    Args:
        name: Shown everywhere, unique in an application.
        **options: Those of every probe.
    """

    name = "noop"

    def __init__(
        self, name: str | None = None, **options: Unpack[ProbeOptions]
    ) -> None:
        super().__init__(name, **options)

    async def check(self) -> ProbeResult:
        """Say that all is well."""
        return ProbeResult(name=self.name, status=ProbeStatus.HEALTHY)


class ThresholdProbe(BaseProbe):
    """Judges the details of another probe.

        ThresholdProbe(queue_probe, warn_if=lambda d: d["depth"] > 500)

    Args:
        inner_probe: The probe whose details are judged; add this one instead of it.
        warn_if: Gets the details; True makes it degraded.
        fail_if: Gets the details; True makes it unhealthy.
        name: Shown everywhere; the inner probe's by default.
        **options: Those of every probe.
    """

    def __init__(
        self,
        inner_probe: BaseProbe,
        warn_if: Judge | None = None,
        fail_if: Judge | None = None,
        name: str | None = None,
        **options: Unpack[ProbeOptions],
    ) -> None:
        if not isinstance(inner_probe, BaseProbe):
            raise ConfigurationError(
                f"ThresholdProbe({inner_probe!r}): give the probe whose details are "
                "judged."
            )
        if warn_if is None and fail_if is None:
            raise ConfigurationError(
                f"ThresholdProbe({inner_probe!r}): give warn_if=… or fail_if=…, "
                "functions of the details."
            )
        options.setdefault("timeout", inner_probe.timeout)
        options.setdefault("tags", inner_probe.tags)
        super().__init__(name or inner_probe.name, **options)
        self.inner_probe = inner_probe
        self.critical_by_default = inner_probe.critical_by_default
        self.secrets = inner_probe.secrets
        self._warn_if = warn_if
        self._fail_if = fail_if
        if not inspect.iscoroutinefunction(inner_probe.check):
            # Then this one has to run in a thread as well.
            self.check = self._check_blocking  # type: ignore[method-assign, assignment]

    async def check(self) -> Outcome:
        """Judge what the inner probe says."""
        outcome: Any = self.inner_probe.check()
        return self._judged(await outcome)

    def _check_blocking(self) -> Outcome:
        return self._judged(self.inner_probe.check())

    def _judged(self, outcome: Any) -> ProbeResult:
        result = as_result(self.inner_probe, outcome)
        details = dict(result.details or {})
        if not result.is_passing or not result.has_data:
            return result.model_copy(update={"name": self.name})
        status, error = result.status, result.error
        if self._fail_if is not None and self._fail_if(details):
            status, error = ProbeStatus.UNHEALTHY, "above the threshold of failure"
        elif self._warn_if is not None and self._warn_if(details):
            status, error = ProbeStatus.DEGRADED, "above the threshold of warning"
        return result.model_copy(
            update={"name": self.name, "status": status, "error": error}
        )

    async def aclose(self) -> None:
        """Close the inner probe."""
        await self.inner_probe.aclose()

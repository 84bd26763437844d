"""The Prometheus page of the probes: fastapi-watch's families, and ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from steadfastapi.health.model import ProbeStatus
from steadfastapi.signals import HEALTH_CHECK_LAST_SUCCESS, HEALTH_CHECK_UP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from prometheus_client.metrics_core import Metric

    from steadfastapi.health.check import Check

# fastapi-watch's names, for users who come from it. They collide with those of
# blackbox_exporter, so they stand on this page only (WATCH-4).
_WATCH: tuple[tuple[str, str, Callable[[Check], float]], ...] = (
    ("healthy", "Whether the probe is healthy.", lambda c: _is(c, ProbeStatus.HEALTHY)),
    (
        "degraded",
        "Whether the probe is degraded.",
        lambda c: _is(c, ProbeStatus.DEGRADED),
    ),
    (
        "no_data",
        "Whether the probe has nothing to judge by.",
        lambda c: _is(c, ProbeStatus.NO_DATA),
    ),
    (
        "latency_ms",
        "Milliseconds that the last check took.",
        lambda c: 0.0 if c.latest is None else c.latest.latency_ms,
    ),
    (
        "circuit_open",
        "Whether the probe's circuit is open.",
        lambda c: float(c.standing.is_open),
    ),
    (
        "circuit_consecutive_failures",
        "Failures in a row.",
        lambda c: float(c.standing.consecutive_failures),
    ),
)
_JUDGED = ("healthy", "degraded")
"""Absent while there is no data: a 0 would say that an idle route is down."""


def page(checks: Iterable[Check]) -> bytes:
    """Return the page in Prometheus's text format 0.0.4."""
    return generate_latest(_Collector(tuple(checks)))


class _Collector:
    def __init__(self, checks: tuple[Check, ...]) -> None:
        self._checks = checks

    def collect(self) -> Iterator[Metric]:
        for name, text, value in _WATCH:
            family = GaugeMetricFamily(
                f"probe_{name}", text, labels=("name", "critical")
            )
            for check in self._checks:
                no_data = check.standing.status is ProbeStatus.NO_DATA
                if not (no_data and name in _JUDGED):
                    family.add_metric(_labels(check), value(check))
            yield family
        trips = CounterMetricFamily(
            "probe_circuit_trips",
            "How often the probe became unhealthy.",
            labels=("name", "critical"),
        )
        for check in self._checks:
            trips.add_metric(_labels(check), check.standing.trips)
        yield trips
        yield from self._ours()

    def _ours(self) -> Iterator[Metric]:
        up: Any = GaugeMetricFamily(
            HEALTH_CHECK_UP.name, HEALTH_CHECK_UP.help, labels=HEALTH_CHECK_UP.labels
        )
        success: Any = GaugeMetricFamily(
            HEALTH_CHECK_LAST_SUCCESS.name,
            HEALTH_CHECK_LAST_SUCCESS.help,
            labels=HEALTH_CHECK_LAST_SUCCESS.labels,
        )
        for check in self._checks:
            up.add_metric(_labels(check), float(not check.standing.is_open))
            if check.last_success is not None:
                success.add_metric((check.name,), check.last_success)
        yield up
        yield success


def _labels(check: Check) -> tuple[str, str]:
    return check.name, "true" if check.critical else "false"


def _is(check: Check, status: ProbeStatus) -> float:
    return float(check.standing.status is status)

"""Unit tests of the alerts on symptoms: all of them fire, and none does for nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steadfastapi import signals
from steadfastapi.slo import names
from steadfastapi.slo.expectations import expect
from steadfastapi.slo.promql import Vocabulary, quoted
from steadfastapi.slo.worlds import series

if TYPE_CHECKING:
    from steadfastapi.signals import Family, Naming
    from steadfastapi.slo.expectations import Case
    from steadfastapi.slo.worlds import Series

MINUTES = 20
IDLE = "0x20"
_LASTING = {
    names.TARGET_DOWN: "30s",
    names.SIGNAL_ABSENT: "9m",
    names.CIRCUIT_OPEN: "4m",
    names.HARD_CHECK_DOWN: "1m",
    names.LIMIT_FALLBACK: "4m",
}
"""When what must last has not lasted long enough."""
_Sample = tuple["Family", dict[str, str], str, str]


def _samples() -> list[_Sample]:
    """List families, labels, the values of trouble and those of peace."""
    written = "0+60x20"
    return [
        (signals.APP_START_TIME, {"version": "1", "revision": "a"}, "0+60x20", "60x20"),
        (signals.EVENT_LOOP_BLOCKED, {}, "0+12x20", "0+3x20"),
        (signals.BACKGROUND_OLDEST, {"task": "send"}, "400x20", "100x20"),
        (signals.DB_POOL_TIMEOUTS, {"pool": "main"}, "0+1x20", IDLE),
        (signals.CIRCUIT_BREAKER_STATE, {"breaker": "partner"}, "2x20", "1x20"),
        (signals.HEALTH_CHECK_UP, {"check": "db", "hard": "true"}, IDLE, "1x20"),
        (signals.HEALTH_CHECK_UP, {"check": "mail", "hard": "false"}, IDLE, IDLE),
        (signals.RATE_LIMIT_FALLBACK, {}, "1x20", IDLE),
        (
            signals.RETRY_EXHAUSTED,
            {"kind": "db", "operation": "read", "reason": "attempts"},
            "0+5x20",
            "0+0.5x20",
        ),
        (
            signals.HTTP_EXCEPTIONS,
            {"handler": "/", "type": "KeyError"},
            "0+120x20",
            "0+6x20",
        ),
        (signals.INTERNAL_ERRORS, {"component": "logs"}, "0+1x20", IDLE),
        (
            signals.TELEMETRY_DROPPED,
            {"sink": "otlp_traces", "reason": "error"},
            "0+1x20",
            IDLE,
        ),
        (signals.INBOX_EVENTS, {"outcome": "dropped"}, "0+1x20", IDLE),
        (signals.INBOX_EVENTS, {"outcome": "written"}, written, written),
    ]


def symptom_cases(job: str, naming: Naming) -> list[Case]:
    """Return the cases of one job."""
    words = Vocabulary(naming)
    trouble = [_up(job, "0"), *(_series(words, job, *s[:2], s[2]) for s in _samples())]
    request = {"handler": "/", "method": "GET", "status": "2xx"}
    peace = [
        _up(job, "1"),
        _series(words, job, signals.HTTP_REQUESTS, request, "0+60x20"),
        *(_series(words, job, *s[:2], s[3]) for s in _samples()),
    ]
    early = [_firing(job, name, at, 0) for name, at in _LASTING.items()]
    late = [_firing(job, name, "15m", 1) for name in names.SYMPTOM_ALERTS]
    return [
        _case(
            f"{job}: every symptom has its alert, in its time", trouble, early + late
        ),
        _case(
            f"{job}: a healthy service has none",
            peace,
            [_firing(job, "", at, 0) for at in ("5m", "20m")],
        ),
    ]


def _case(name: str, world: list[Series], expected: list[Case]) -> Case:
    return {
        "name": name,
        "interval": "1m",
        "input_series": world,
        "promql_expr_test": expected,
    }


def _up(job: str, value: str) -> Series:
    return series("up", f"{value}x{MINUTES}", job=job, instance="app:8000")


def _series(
    words: Vocabulary, job: str, family: Family, labels: dict[str, str], values: str
) -> Series:
    spelt = {words.label(family, label): value for label, value in labels.items()}
    every: dict[str, Any] = {"job": job, "instance": "app:8000", **spelt}
    return series(words.series(family), values, **every)


def _firing(job: str, name: str, at: str, count: int) -> Case:
    which = f",alertname={quoted(name)}" if name else ""
    alerts = f'ALERTS{{alertstate="firing",job={quoted(job)}{which}}}'
    return expect(at, f"count({alerts}) or vector(0)", count)

"""Probes as the health page shows them: plain values, bounded, ready for a thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steadfastapi._scrub import safe_str

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steadfastapi.health.check import Check
    from steadfastapi.health.model import ProbeResult, ProbeStatus

WIDTH, HEIGHT = 96.0, 20.0
"""Of a sparkline, in its own units."""
SHOWN = 60
"""Results of a sparkline."""
MAX_DETAILS = 40
MAX_VALUE = 300
_ASIDE = frozenset({"since"})
"""Details that have a column of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spark:
    """Latencies as a line.

    Args:
        points: Of an SVG polyline; empty where there is one result only.
        failures: Where checks failed.
        summary: The same in words.
    """

    points: str
    failures: tuple[dict[str, float], ...]
    summary: str


def spark_of(results: Sequence[ProbeResult]) -> Spark | None:
    """Return the last results as a line, oldest first; None without any."""
    shown = [result for result in results if result.has_data][-SHOWN:]
    if not shown:
        return None
    latencies = [result.latency_ms for result in shown]
    highest = max(latencies)
    places = [
        (
            round(number * WIDTH / max(len(shown) - 1, 1), 1),
            round(HEIGHT - 2 - latency / (highest or 1.0) * (HEIGHT - 4), 1),
        )
        for number, latency in enumerate(latencies)
    ]
    failures = tuple(
        {"x": x, "y": y}
        for (x, y), result in zip(places, shown, strict=True)
        if not result.is_passing
    )
    summary = (
        f"{len(shown)} checks, {min(latencies):g} to {highest:g} ms, "
        f"{len(failures)} failed"
    )
    several = len(places) > 1
    return Spark(
        points=" ".join(f"{x},{y}" for x, y in places) if several else "",
        failures=failures,
        summary=summary,
    )


def row_of(check: Check, history: Sequence[ProbeResult]) -> dict[str, Any]:
    """Return what the page says of one probe.

    Args:
        check: Of the probe.
        history: Its last results, oldest first.
    """
    result = check.shown()
    at = result.checked_at
    known = check.latest is not None
    return {
        "name": result.name,
        "description": result.description,
        "tags": result.tags,
        "critical": result.critical,
        "status": _word(result.status),
        "latency": result.latency_ms / 1000 if known else None,
        "since": check.standing.since.timestamp() if known else None,
        "asked": None if at is None else at.timestamp(),
        "error": result.error,
        "details": _pairs(result.details or {}),
        "spark": spark_of(history),
    }


def _word(status: ProbeStatus) -> str:
    return status.value.replace("_", " ")


def _pairs(details: dict[str, Any]) -> list[tuple[str, str]]:
    """Return details as names and texts; mappings within them by `outer.inner`."""
    found: list[tuple[str, str]] = []
    for name, value in details.items():
        if name in _ASIDE:
            continue
        inner = value.items() if isinstance(value, dict) else [("", value)]
        for below, one in inner:
            label = f"{name}.{below}" if below else name
            found.append((safe_str(label, MAX_VALUE), safe_str(one, MAX_VALUE)))
    return found[:MAX_DETAILS]

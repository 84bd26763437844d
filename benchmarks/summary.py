"""From measured figures to the rows of the tables and of the JSON file."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

from benchmarks.compositions import BARE, USUAL, USUAL_SENTRY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.measure import Results

MICRO = 1e6
MILLI = 1e3
MIB = 2**20

PACKAGES = (
    "steadfastapi",
    "fastapi",
    "starlette",
    "structlog",
    "prometheus-fastapi-instrumentator",
    "opentelemetry-sdk",
    "opentelemetry-instrumentation-fastapi",
    "slowapi",
    "sentry-sdk",
    "uvicorn",
    "logfire",
    "lite-bootstrap",
    "fastapi-flare",
    "fastapi-watch",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PerRequest:
    """Time per request of one composition with one number of routes, in µs."""

    composition: str
    routes: int
    median: float
    iqr: float
    best: float
    """Of the fastest batch."""
    fastest: float
    """Of the fastest single request: steady on a busy machine, and blind to what is
    paid now and then, such as garbage collection and the export of spans."""
    added: float
    """`best` beyond that of bare FastAPI with as many routes."""
    of_usual: float | None
    """Added time, as a share of what the usual composition without Sentry adds."""
    of_usual_sentry: float | None
    """Added time, as a share of what the usual composition with Sentry adds."""
    growth: float | None
    """By how much the fastest request grew since the smallest number of routes,
    beyond the growth of bare FastAPI's."""
    calls: float
    """Function calls beyond bare FastAPI's with as many routes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PerProcess:
    """What one process of a composition costs once."""

    composition: str
    startup_ms: float
    """Import and configuration, FastAPI's own import included; the fastest start."""
    startup_median_ms: float
    startup_iqr_ms: float
    startup_added_ms: float
    """Of the fastest start."""
    startup_of_usual: float | None
    """Added time, as a share of what the usual composition without Sentry adds."""
    startup_of_usual_sentry: float | None
    """Added time, as a share of what the usual composition with Sentry adds."""
    rss_mib: float
    """After `MEMORY_REQUESTS` requests."""
    rss_added_mib: float


def per_request(results: Results) -> list[PerRequest]:
    """Return the rows in the order of measurement."""
    smallest = min(routes for _, routes in results.per_request)
    return [
        PerRequest(
            composition=name,
            routes=routes,
            median=median(seconds) * MICRO,
            iqr=_iqr(seconds) * MICRO,
            best=min(seconds) * MICRO,
            fastest=results.fastest[name, routes] * MICRO,
            added=_added(results, name, routes) * MICRO,
            of_usual=_share_of(USUAL, results, name, routes),
            of_usual_sentry=_share_of(USUAL_SENTRY, results, name, routes),
            growth=None
            if routes == smallest
            else _growth(results, name, smallest, routes) * MICRO,
            calls=results.calls[name, routes] - results.calls[BARE, routes],
        )
        for (name, routes), seconds in results.per_request.items()
    ]


def per_process(results: Results) -> list[PerProcess]:
    """Return the rows in the order of measurement; none if nothing was started."""
    if not results.startup:
        return []
    startup = {name: min(seconds) for name, seconds in results.startup.items()}
    rss = results.rss
    added = {name: seconds - startup[BARE] for name, seconds in startup.items()}
    return [
        PerProcess(
            composition=name,
            startup_ms=startup[name] * MILLI,
            startup_median_ms=median(results.startup[name]) * MILLI,
            startup_iqr_ms=_iqr(results.startup[name]) * MILLI,
            startup_added_ms=added[name] * MILLI,
            startup_of_usual=_share(added[name], added.get(USUAL)),
            startup_of_usual_sentry=_share(added[name], added.get(USUAL_SENTRY)),
            rss_mib=rss[name] / MIB,
            rss_added_mib=(rss[name] - rss[BARE]) / MIB,
        )
        for name in startup
    ]


def machine() -> dict[str, Any]:
    """Describe where and when this ran, without names and paths."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        "system": platform.system(),
        "python": platform.python_version(),
        "versions": dict(_versions()),
    }


def _versions() -> Iterator[tuple[str, str]]:
    for name in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            yield name, metadata.version(name)


def _added(results: Results, name: str, routes: int) -> float:
    best, bare = (min(results.per_request[one, routes]) for one in (name, BARE))
    return best - bare


def _share_of(usual: str, results: Results, name: str, routes: int) -> float | None:
    if name == BARE or (usual, routes) not in results.per_request:
        return None
    return _share(_added(results, name, routes), _added(results, usual, routes))


def _growth(results: Results, name: str, few: int, many: int) -> float:
    fastest = results.fastest
    own = fastest[name, many] - fastest[name, few]
    return own - (fastest[BARE, many] - fastest[BARE, few])


def _share(part: float, whole: float | None) -> float | None:
    return part / whole if whole else None


def _iqr(values: Sequence[float]) -> float:
    if len(values) < 2:  # noqa: PLR2004
        return 0.0
    low, _, high = quantiles(values, n=4)
    return high - low


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    return names[0] if names else platform.machine()

"""From measured figures to the rows of the tables and of the JSON file."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

from benchmarks.compositions import BARE, USUAL

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    """Added time, as a share of what the usual composition adds."""
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
    startup_added_ms: float
    startup_of_usual: float | None
    """Added time, as a share of what the usual composition adds."""
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
            of_usual=_of_usual(results, name, routes),
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
            startup_added_ms=added[name] * MILLI,
            startup_of_usual=_share(added[name], added.get(USUAL)),
            rss_mib=rss[name] / MIB,
            rss_added_mib=(rss[name] - rss[BARE]) / MIB,
        )
        for name in startup
    ]


def machine() -> dict[str, Any]:
    """Describe where this ran, without names and paths."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        "system": platform.system(),
        "python": platform.python_version(),
        "versions": {name: metadata.version(name) for name in PACKAGES},
    }


def _added(results: Results, name: str, routes: int) -> float:
    best, bare = (min(results.per_request[one, routes]) for one in (name, BARE))
    return best - bare


def _of_usual(results: Results, name: str, routes: int) -> float | None:
    if name == BARE or (USUAL, routes) not in results.per_request:
        return None
    return _share(_added(results, name, routes), _added(results, USUAL, routes))


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

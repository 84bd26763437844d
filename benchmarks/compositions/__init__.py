"""The compositions that are compared, each built by one function of one module.

Every one is wired in a process of its own: structlog, tracer providers, the Sentry
client and contrib's monkeypatches belong to the process and must not meet.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

BARE = "bare"
USUAL = "usual"
STEADFAST = "steadfast"
LIMITS = "limits"
SLOWAPI = "slowapi"


@dataclass(frozen=True, slots=True)
class Composition:
    """One way to wire the same application.

    Args:
        name: Short name, in options and JSON.
        title: What it consists of, for the table.
        factory: `module:function` below this package; takes the number of routes.
    """

    name: str
    title: str
    factory: str

    def build(self, routes: int) -> FastAPI:
        """Import what the composition needs and wire it."""
        module, _, function = self.factory.partition(":")
        imported = importlib.import_module(f"benchmarks.compositions.{module}")
        build: Callable[[int], FastAPI] = getattr(imported, function)
        return build(routes)


COMPOSITIONS = {
    composition.name: composition
    for composition in (
        Composition(BARE, "bare FastAPI", "bare:build"),
        Composition("native", "FastAPI, native telemetry", "bare:build_with_telemetry"),
        Composition(USUAL, "usual composition", "usual:build"),
        Composition(
            "usual_no_limits", "usual, no SlowAPI", "usual:build_without_limits"
        ),
        Composition("usual_sentry", "usual + Sentry", "usual_sentry:build"),
        Composition(STEADFAST, "steadfastapi, all on", "steadfast:build"),
        Composition("spine", "steadfastapi, all off", "alone:nothing"),
        Composition("logs", "  only logs", "alone:logs"),
        Composition("contract", "  only contract", "alone:contract"),
        Composition("metrics", "  only metrics", "alone:metrics"),
        Composition("tracing", "  only tracing", "alone:tracing"),
        Composition("sentry", "  only sentry", "alone:sentry"),
        Composition(LIMITS, "  only limits, one of them", "limited:ours"),
        Composition(SLOWAPI, "SlowAPIMiddleware", "limited:slowapi"),
        Composition("slowapi_asgi", "SlowAPIASGIMiddleware", "limited:slowapi_asgi"),
    )
}
"""In the order in which they take turns."""

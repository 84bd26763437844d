"""The compositions that are compared, each built by one function of one module.

Every one is wired in a process of its own: structlog, tracer providers, the Sentry
client and contrib's monkeypatches belong to the process and must not meet.
"""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

BARE = "bare"
USUAL = "usual"
USUAL_SENTRY = "usual_sentry"
STEADFAST = "steadfast"
LIMITS = "limits"
SLOWAPI = "slowapi"

FOREIGN = (
    *("aiohttp", "aiomysql", "asyncpg", "celery", "httpx", "httpx2", "pymongo"),
    *("redis", "sqlalchemy"),
)
"""Clients that the application does not use and that may be installed beside it.
Sentry's SDK imports and patches each one it finds: in a composition that does not need
them they are hidden, or its start would be charged for what this machine has."""


@dataclass(frozen=True, slots=True)
class Composition:
    """One way to wire the same application.

    Args:
        name: Short name, in options and JSON.
        title: What it consists of, for the table.
        factory: `module:function` below this package; takes the number of routes.
        package: A peer's, without which this one cannot be measured.
        needs: Which of `FOREIGN` it imports by itself.
    """

    name: str
    title: str
    factory: str
    package: str | None = None
    needs: tuple[str, ...] = ()

    @property
    def available(self) -> bool:
        """Whether what it needs is installed here."""
        return self.package is None or find_spec(self.package) is not None

    def build(self, routes: int) -> FastAPI:
        """Import what the composition needs and wire it."""
        module, _, function = self.factory.partition(":")
        imported = importlib.import_module(f"benchmarks.compositions.{module}")
        build: Callable[[int], FastAPI] = getattr(imported, function)
        return build(routes)

    def hide_foreign(self) -> None:
        """Make packages look absent that happen to be installed; for good."""
        for name in FOREIGN:
            if name not in self.needs:
                sys.modules[name] = None  # type: ignore[assignment] # as documented


COMPOSITIONS = {
    composition.name: composition
    for composition in (
        Composition(BARE, "bare FastAPI", "bare:build"),
        Composition("native", "FastAPI, native telemetry", "bare:build_with_telemetry"),
        Composition(USUAL, "usual composition", "usual:build"),
        Composition(
            "usual_no_limits", "usual, no SlowAPI", "usual:build_without_limits"
        ),
        Composition(USUAL_SENTRY, "usual + Sentry", "usual_sentry:build"),
        Composition("logfire", "logfire", "peers:logfire", "logfire"),
        Composition(
            "lite_bootstrap", "lite-bootstrap", "peers:lite_bootstrap", "lite_bootstrap"
        ),
        Composition(
            "flare",
            "fastapi-flare",
            "peers:flare",
            "fastapi_flare",
            needs=("asyncpg", "httpx"),
        ),
        Composition(STEADFAST, "steadfastapi, all on", "steadfast:build"),
        Composition(
            "steadfast_limit", "  and one limit", "steadfast:build_with_a_limit"
        ),
        Composition(
            "steadfast_tenth", "  and 10 % of traces", "steadfast:build_with_a_tenth"
        ),
        Composition("spine", "steadfastapi, all off", "alone:nothing"),
        Composition("logs", "  only logs", "alone:logs"),
        Composition("contract", "  only contract", "alone:contract"),
        Composition("metrics", "  only metrics", "alone:metrics"),
        Composition("tracing", "  only tracing", "alone:tracing"),
        Composition("sentry", "  only sentry", "alone:sentry"),
        Composition("inbox", "  only inbox", "alone:inbox"),
        Composition("health", "  only health", "alone:health"),
        Composition("slo", "  only slo, one objective", "alone:slo"),
        Composition("watchdog", "  only watchdog", "alone:watchdog"),
        Composition("console", "  only console", "alone:console"),
        Composition(LIMITS, "  only limits, one of them", "limited:ours"),
        Composition(SLOWAPI, "SlowAPIMiddleware", "limited:slowapi"),
        Composition("slowapi_asgi", "SlowAPIASGIMiddleware", "limited:slowapi_asgi"),
    )
}
"""In the order in which they take turns."""

SHORT = (BARE, USUAL, USUAL_SENTRY, "logfire", "lite_bootstrap", "flare", STEADFAST)
"""What the short benchmark compares."""


def missing() -> dict[str, str]:
    """Return the compositions that cannot be measured here, with the reason."""
    return {
        name: f"{one.package} is not installed"
        for name, one in COMPOSITIONS.items()
        if not one.available
    }

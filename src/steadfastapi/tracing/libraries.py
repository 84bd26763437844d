"""Client libraries are traced where they and their instrumentation are installed.

A library that the application has not imported yet is instrumented when it is, so
that nobody pays for an import of something unused.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import sys
from typing import TYPE_CHECKING, Any

import wrapt

from steadfastapi._guard import guard
from steadfastapi.tracing import engines

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider

INSTRUMENTORS = {
    "asyncpg": "AsyncPGInstrumentor",
    "httpx": "HTTPXClientInstrumentor",
    "redis": "RedisInstrumentor",
    "sqlalchemy": "SQLAlchemyInstrumentor",
}
"""Class in `opentelemetry.instrumentation.<library>`, by library."""

TESTED_BEYOND = frozenset({"sqlalchemy"})
"""Libraries that are traced in versions which their instrumentation does not claim,
because our tests do: contrib 0.66b1 stops at SQLAlchemy 2.0, and 2.1 has the same
events."""

_logger = logging.getLogger("steadfastapi.tracing")

_provider: TracerProvider | None = None
_watched: set[str] = set()
"""Libraries whose import is watched; Python offers no way to stop watching."""
_ours: dict[str, Any] = {}
"""Instrumentors that we switched on, by library."""


def installed() -> tuple[str, ...]:
    """Return the libraries that are installed together with their instrumentation."""
    return tuple(
        name
        for name in INSTRUMENTORS
        if _is_installed(name)
        and _is_installed(f"opentelemetry.instrumentation.{name}")
    )


def instrument(provider: TracerProvider) -> None:
    """Trace what the installed libraries do, now or as soon as they are imported."""
    global _provider  # noqa: PLW0603 - one per process, like what it patches
    _provider = provider
    for name in installed():
        if name in _watched:
            guard.call("tracing.libraries", _instrument_imported, name)
        else:
            _watched.add(name)
            wrapt.register_post_import_hook(_imported, name)


def uninstrument() -> None:
    """Switch off what `instrument` switched on."""
    global _provider  # noqa: PLW0603
    _provider = None
    engines.forget()
    while _ours:
        _, instrumentor = _ours.popitem()
        instrumentor.uninstrument()


def _imported(module: Any) -> None:
    guard.call("tracing.libraries", _instrument, module.__name__)


def _instrument_imported(name: str) -> None:
    if name in sys.modules:
        _instrument(name)


def _instrument(name: str) -> None:
    if _provider is None:
        return
    # Slow to import, and needed only where there is something to trace.
    from opentelemetry.instrumentation.dependencies import (  # noqa: PLC0415
        get_dependency_conflicts,
    )

    module = importlib.import_module(f"opentelemetry.instrumentation.{name}")
    instrumentor = getattr(module, INSTRUMENTORS[name])()
    if instrumentor.is_instrumented_by_opentelemetry:
        return  # by the application, or by an earlier `configure`
    conflict = get_dependency_conflicts(instrumentor.instrumentation_dependencies())
    if conflict is not None and name not in TESTED_BEYOND:
        _logger.warning("%s is not traced: %s", name, conflict)
        return
    if name == "sqlalchemy":
        # Imported only by the instrumentation, it would keep the `create_engine` that
        # is replaced by then, and every async engine would be traced twice.
        importlib.import_module("sqlalchemy.ext.asyncio")
    instrumentor.instrument(tracer_provider=_provider, skip_dep_check=True)
    _ours[name] = instrumentor
    if name == "sqlalchemy":
        engines.adopt(_provider)


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False

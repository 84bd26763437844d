"""FastAPI's native telemetry (0.142 and newer): its settings, and working beside it.

Ours is the server span; FastAPI's own is used where somebody wants the spans of its
operations, which hang on it. Its metrics and logs are the application's choice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import fastapi

from steadfastapi._guard import guard
from steadfastapi._predicates import PathPredicate, path_in_app

if TYPE_CHECKING:
    from starlette.types import Scope

    from steadfastapi._plan import Plan

NATIVE_KEY = "fastapi.telemetry"
"""Where FastAPI keeps its own in the ASGI scope; present means: no FastAPI
application further inside starts a server span. None where a request is left out."""

Exclude = Callable[["Scope"], bool]

_native_exception: Callable[..., None] | None
try:
    from fastapi.telemetry._asgi import _exception as _native_exception
except ImportError:  # FastAPI below 0.142
    _native_exception = None


def native_config(app: Any) -> dict[str, Any] | None:
    """Return the settings of FastAPI's native telemetry; None below 0.142."""
    config = getattr(app, "_telemetry", None)
    return config if isinstance(config, dict) else None


def native_settings(exclude: Exclude, *, operation_spans: bool) -> dict[str, Any]:
    """Return what to change in FastAPI's settings; metrics and logs stay.

    Args:
        exclude: Which requests are left out.
        operation_spans: Whether FastAPI makes spans of operations, and so its own
            server span.
    """
    settings: dict[str, Any] = {"operation_spans": operation_spans, "exclude": exclude}
    if not operation_spans:
        settings["tracing"] = False
    if fastapi.__version__.startswith("0.142."):
        # There it is on unless somebody said no, and sends metrics and logs to the
        # endpoint of our traces, with the SDK's unbounded shutdown (OTEL-10).
        settings["auto_configure"] = False
    return settings


class Excluded:
    """Says which requests FastAPI leaves out: health checks, scrapes, the user's.

    Args:
        plan: Its quiet paths are read at the first request, when all layers have
            added theirs.
        also: The application's own `exclude`.
    """

    def __init__(self, plan: Plan, also: Exclude | None = None) -> None:
        self._plan = plan
        self._also = also
        self._is_quiet: PathPredicate | None = None

    def __call__(self, scope: Scope) -> bool:
        """Return whether the request is left out; whole segments count (ROUTE-8)."""
        try:
            is_quiet = self._is_quiet
            if is_quiet is None:
                is_quiet = self._is_quiet = self._plan.is_quiet()
            return is_quiet(path_in_app(scope)) or self.by_user(scope)
        except Exception as error:
            guard.swallow("tracing.exclude", error)
            return False

    def by_user(self, scope: Scope) -> bool:
        """Return whether the application's own `exclude` leaves the request out."""
        if self._also is None:
            return False
        try:
            return bool(self._also(scope))
        except Exception as error:
            guard.swallow("tracing.exclude", error)
            return False


def tell_native(scope: Scope, error: BaseException) -> None:
    """Let FastAPI's records name the exception, of which it learns too late.

    The boundary answers before the exception reaches FastAPI's own middleware.
    """
    if _native_exception is not None and scope.get(NATIVE_KEY) is not None:
        _native_exception(scope=scope, exc=error)

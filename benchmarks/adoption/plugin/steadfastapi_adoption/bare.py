"""The run without: an application that configures itself is left bare."""

from __future__ import annotations

from typing import Any
from unittest.mock import MagicMock

import steadfastapi

LAYERS = (
    *("logs", "metrics", "tracing", "sentry", "contract", "limits"),
    *("slo", "inbox", "watchdog", "console"),
)


def leave_bare() -> None:
    """Let `from steadfastapi import configure` be what leaves applications alone."""

    def configure(app: Any, **_settings: Any) -> Any:
        """Return a stack to talk to, which serves another application."""
        from fastapi import FastAPI  # noqa: PLC0415 - when the suite has

        from steadfastapi._configure import configure as real  # noqa: PLC0415

        shadow = FastAPI(title=app.title, version=app.version)
        off: dict[str, Any] = dict.fromkeys(LAYERS, False)
        stack = real(shadow, **off)
        for layer in LAYERS:
            stack.plan.handles[layer] = MagicMock(name=f"stack.{layer}")
        return stack

    steadfastapi.configure = configure

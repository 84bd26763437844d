"""Probes by the system that they ask, for `from fastapi_watch.probes import …`."""

from __future__ import annotations

from typing import Any

from steadfastapi import health


def __getattr__(name: str) -> Any:
    if not name.endswith("Probe") or name not in health.__all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(health, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *(n for n in health.__all__ if n.endswith("Probe"))])

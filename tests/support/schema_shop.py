"""The shop with and without steadfastapi, and somebody who is logged in."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from fastapi import FastAPI

from steadfastapi import Stack, configure

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

OFF: dict[str, Any] = dict.fromkeys(
    [
        *("logs", "metrics", "tracing", "sentry", "contract", "limits"),
        *("slo", "inbox", "watchdog", "console"),
    ],
    False,
)


def create() -> FastAPI:
    """Build the shop as the environment says: `STEADFAST=0` leaves it bare.

    A factory for uvicorn. Its data is below `SHOP_DATA_DIR`.
    """
    with patch("steadfastapi.configure", _chosen):
        from shop.main import create_app

    return create_app()


def _chosen(app: FastAPI, **settings: Any) -> Stack:
    if os.environ.get("STEADFAST") == "0":
        # The shop hands its probes to a stack: one that serves another application.
        return configure(FastAPI(title=app.title), **OFF)
    return configure(app, **settings)


def environment(folder: Path, *, steadfast: bool) -> Mapping[str, str]:
    """Return what a subprocess needs to serve the shop from a folder of its own."""
    return {
        "SHOP_DATA_DIR": str(folder),
        "SHOP_ADMIN_TOKEN": "let-me-in",
        "STEADFAST": str(int(steadfast)),
        "STEADFAST_INBOX_URL": f"sqlite:///{folder / 'inbox.db'}",
    }

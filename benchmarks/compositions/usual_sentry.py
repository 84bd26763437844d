"""The usual composition plus Sentry, as Sentry's FastAPI page shows.

`sentry_sdk.init` before the application is created; errors only, because traces are
OpenTelemetry's here. Integrations are found automatically, FastAPI's among them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sentry_sdk

from benchmarks.compositions import usual
from benchmarks.transport import DSN, NoOpTransport

if TYPE_CHECKING:
    from fastapi import FastAPI


def build(routes: int) -> FastAPI:
    """Initialise Sentry, then wire the others."""
    sentry_sdk.init(
        dsn=DSN, send_default_pii=True, release="bench@0", transport=NoOpTransport
    )
    return usual.build(routes)

"""An application with health checks, as a server imports it."""

import os
from typing import Any

from fastapi import FastAPI

from steadfastapi import configure
from steadfastapi._configure import DEFAULT_LAYERS
from steadfastapi.health import Health

app = FastAPI()
health = Health(api_key="key")
on: dict[str, Any] = (
    {"health": health} if "health" in DEFAULT_LAYERS else {"extra": [health]}
)
stack = configure(app, tracing=False, sentry=False, **on)


@app.get("/pid")
def pid() -> int:
    """Return the worker that answers."""
    return os.getpid()

"""Applications with health checks, and dependencies that fail on demand."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from fastapi import FastAPI

from steadfastapi import configure
from steadfastapi._service import Service
from steadfastapi.health import BaseProbe, Health, HealthHandle, ProbeStatus
from support.asgi import call

KEY = "a-long-api-key"
PRODUCTION = Service(name="shop", version="7.7.7", environment="production")
WITH_KEY = [("x-api-key", KEY)]


class Dial(BaseProbe):
    """A dependency that is as it is set.

    Args:
        name: Of the probe.
        status: What it says, until it is set to something else.
    """

    def __init__(
        self,
        name: str = "db",
        status: ProbeStatus = ProbeStatus.HEALTHY,
        **options: Any,
    ) -> None:
        super().__init__(name, **options)
        self.status = status
        self.error: BaseException | None = None
        self.hangs = False
        self.checks = 0

    async def check(self) -> ProbeStatus:
        """Say so, raise, or hang."""
        self.checks += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error
        return self.status


class Answer(NamedTuple):
    """What a page said."""

    status: int
    body: Any
    headers: dict[str, str]


def layer(health: Health) -> dict[str, Any]:
    """Return the keyword of `configure` that takes the layer."""
    return {"health": health}


def with_health(
    *probes: Any, app: FastAPI | None = None, service: Any = PRODUCTION, **settings: Any
) -> tuple[FastAPI, HealthHandle]:
    """Configure an application with these probes; in production unless told.

    Args:
        *probes: Critical ones.
        app: The application.
        service: As for `configure`.
        **settings: Of `Health`.
    """
    app = app or FastAPI()
    stack = configure(
        app,
        service=service,
        tracing=False,
        sentry=False,
        limits=False,
        **layer(Health(**settings)),
    )
    handle: HealthHandle = stack.plan.handles["health"]
    return app, handle.add_probes(probes, critical=True)


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[None]:
    """Run the lifespan of an application, as a server does."""
    async with app.router.lifespan_context(app):
        yield


async def ask(
    app: FastAPI, path: str, method: str = "GET", headers: Any = (), body: bytes = b""
) -> Answer:
    """Request a page."""
    result = await call(app, method, path, headers=headers, body=body)
    if result.exception is not None:
        raise result.exception
    found = {name.decode(): value.decode() for name, value in result.headers}
    assert result.status is not None
    is_json = found.get("content-type") == "application/json" and result.body
    return Answer(
        result.status, json.loads(result.body) if is_json else result.body, found
    )


async def until(condition: Any, seconds: float = 20.0) -> None:
    """Wait for what the poll brings about."""
    async with asyncio.timeout(seconds):
        while True:
            if condition():
                return
            await asyncio.sleep(0.005)

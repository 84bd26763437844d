"""An application with health checks, as a server imports it."""

import asyncio
import os

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from steadfastapi import configure
from steadfastapi.health import BaseProbe, Health, RedisStorage

app = FastAPI()
shared = os.environ.get("HEALTH_REDIS")
health = Health(
    api_key="key", storage=RedisStorage(shared) if shared else None, serve_503=True
)
stack = configure(app, tracing=False, sentry=False, health=health)


class SayingWho:
    """Names the worker on each of its answers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                who = (b"x-worker", b"%d" % os.getpid())
                message = {**message, "headers": [*message["headers"], who]}
            await send(message)

        await self.app(scope, receive, named)


app.add_middleware(SayingWho)


@app.get("/pid")
def pid() -> int:
    """Return the worker that answers."""
    return os.getpid()


class Hung(BaseProbe):
    """A dependency that never answers."""

    async def check(self) -> None:
        """Wait for ever."""
        await asyncio.Event().wait()


def create() -> FastAPI:
    """Return one whose calls and dependencies never answer."""
    made, hanging = FastAPI(), []

    @made.get("/hang")
    async def hang() -> None:
        """Wait for what never comes."""
        hanging.append(1)
        await asyncio.Event().wait()

    @made.get("/hanging")
    def count() -> int:
        """Return how many calls hang."""
        return len(hanging)

    handle = configure(made).health
    for number in range(10):
        handle.add(Hung(f"db-{number}"))
    return made

"""A configured application, the Sentry server it reports to, and what arrived."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import sentry_sdk
from fastapi import FastAPI

from steadfastapi import Sentry, configure
from steadfastapi.sentry import client
from support.asgi import AsgiResult, call
from support.sentry import SentryReceiver

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@contextmanager
def sentried(
    layers: Mapping[str, Any] | None = None, **settings: Any
) -> Iterator[tuple[FastAPI, SentryReceiver]]:
    """Yield a configured application and the server that gets its events."""
    with SentryReceiver() as receiver:
        sentry = Sentry(dsn=receiver.dsn, **settings)
        yield configured(sentry, **(layers or {})), receiver


@contextmanager
def own_client(**options: Any) -> Iterator[SentryReceiver]:
    """Initialise Sentry as an application does by itself; undo it at the end.

    Without the integrations that patch frameworks: patches stay for the process.
    """
    settings = {"default_integrations": False, "auto_enabling_integrations": False}
    with SentryReceiver() as receiver:
        sentry_sdk.init(receiver.dsn, **(settings | options))
        try:
            yield receiver
        finally:
            sentry_sdk.get_client().close(timeout=0)
            sentry_sdk.get_global_scope().set_client(None)


def configured(sentry: Any = None, **layers: Any) -> FastAPI:
    """Return an application with Sentry, logs and the contract."""
    app = FastAPI(title="shop", version="1.2.3")
    configure(app, sentry=sentry, **({"metrics": False, "tracing": False} | layers))
    return app


def answer(app: Any, method: str, path: str, **request: Any) -> AsgiResult:
    """Send one request in an event loop of its own."""
    return anyio.run(partial(call, app, method, path, **request))


async def serve_here(app: Any, path: str) -> None:
    """Send one request in the context of the caller, as some servers do."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_message: Any) -> None:
        pass

    scope = {"type": "http", "method": "GET", "path": path}
    await app({**scope, "query_string": b"", "headers": []}, receive, send)


def delivered(receiver: SentryReceiver) -> list[dict[str, Any]]:
    """Return every event, once nothing is on its way any more."""
    assert client.flush(5.0)
    return receiver.events()


def raised(event: dict[str, Any]) -> dict[str, Any]:
    """Return the exception of an event that was raised: the last of its chain."""
    exception: dict[str, Any] = event["exception"]["values"][-1]
    return exception

"""A foreign layer that remembers what the exchange told it."""

import asyncio
from typing import Any

from fastapi import FastAPI

from steadfastapi import Exchange, Plan
from support.apps import configured
from support.asgi import AsgiResult, AsgiValidator, call


class Watch:
    """Collects every error and every finished exchange."""

    name = "watch"

    def __init__(self) -> None:
        self.errors: list[BaseException] = []
        self.exchanges: list[Exchange] = []

    def contribute(self, plan: Plan) -> None:
        """Watch."""
        plan.on_error(lambda _, exception: self.errors.append(exception))
        plan.observe(self.exchanges.append)


def watched(app: FastAPI, **keywords: Any) -> Watch:
    """Configure an application without backends, and watch it.

    Args:
        app: The application.
        **keywords: Further keywords of `configure`.
    """
    watch = Watch()
    configured(app, **{"extra": [watch], **keywords})
    return watch


def ask(app: Any, *request: Any, **more: Any) -> AsgiResult:
    """Send one request, held to the ASGI specification both ways.

    Args:
        app: The application.
        *request: Method and path, as for `support.asgi.call`.
        **more: Its other arguments.
    """
    return asyncio.run(call(AsgiValidator(app), *request, **more))


def header(result: AsgiResult, name: str) -> list[str]:
    """Return every value of a response header."""
    return [v.decode() for n, v in result.headers if n == name.encode()]

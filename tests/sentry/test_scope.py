"""What an exchange leaves in Sentry's scopes: nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import sentry_sdk

from sentry.harness import (
    configured,
    delivered,
    own_client,
    raised,
    sentried,
    serve_here,
)
from steadfastapi import bind
from steadfastapi.sentry import client as process
from support.asgi import call

if TYPE_CHECKING:
    import pytest


class TakenError(Exception):
    """An error of the domain."""


def test_simultaneous_exchanges_do_not_share_a_scope() -> None:
    """Tags, users and breadcrumbs stay in their exchange, and none outlives it."""
    with sentried() as (app, receiver):
        both = anyio.Event()
        arrived: list[str] = []

        @app.get("/{name}")
        async def crash(name: str) -> None:
            bind(user_id=name)
            bind(table=1)
            sentry_sdk.set_tag("guest", name)
            sentry_sdk.add_breadcrumb(message=f"{name} came in")
            arrived.append(name)
            if len(arrived) == 2:
                both.set()
            await both.wait()
            raise TakenError(name)

        async def together() -> None:
            async with anyio.create_task_group() as group:
                for name in ("ada", "bob"):
                    group.start_soon(call, app, "GET", f"/{name}")

        anyio.run(together)
        for event in delivered(receiver):
            name = raised(event)["value"]
            crumbs = [crumb["message"] for crumb in event["breadcrumbs"]["values"]]
            assert (name, {"id": name}) == (event["tags"]["guest"], event["user"])
            assert [f"{name} came in"] == crumbs
            bound = {"user_id": name, "table": 1}
            assert bound == event["contexts"]["exchange"]


def test_the_scope_is_given_back() -> None:
    """The undo restores the scope that was there, in the same context."""
    with sentried() as (app, _):
        scopes: list[Any] = []

        @app.get("/")
        async def endpoint() -> None:
            sentry_sdk.get_current_scope().set_tag("guest", "ada")
            scopes.append(sentry_sdk.get_isolation_scope())

        async def serve() -> None:
            outer = sentry_sdk.get_isolation_scope(), sentry_sdk.get_current_scope()
            await serve_here(app, "/")
            assert outer[0] is sentry_sdk.get_isolation_scope() is not scopes[0]
            assert outer[1] is sentry_sdk.get_current_scope()
            assert "guest" not in outer[1]._tags

        anyio.run(serve)
        assert 1 == len(scopes)


def test_the_scope_of_the_sdks_own_middleware_is_only_labelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where the SDK isolates requests, its scope is kept and gets the request id."""
    monkeypatch.setattr(process, "has_integration", lambda client, name: True)
    with own_client():
        app = configured()
        scopes: list[Any] = []

        @app.get("/")
        async def endpoint() -> None:
            scopes.append(sentry_sdk.get_isolation_scope())

        async def serve() -> None:
            with sentry_sdk.isolation_scope() as theirs:
                await serve_here(app, "/")
                assert scopes == [theirs]
                assert 32 == len(theirs._tags["request_id"])

        anyio.run(serve)

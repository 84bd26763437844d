"""A client that the application initialised by itself is kept, and completed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import httpx2
import sentry_sdk
from fastapi import HTTPException

from sentry.harness import (
    answer,
    configured,
    delivered,
    own_client,
    sentried,
)
from steadfastapi import before_send
from steadfastapi.sentry import client
from support.sentry import SentryReceiver
from support.server import LiveServer

if TYPE_CHECKING:
    from pathlib import Path


def crash() -> None:
    """Fail, as an endpoint."""
    raise ArithmeticError("no")


def test_a_client_of_the_application_is_kept_and_its_hook_called() -> None:
    """Only the hook is put around the application's, and `reset` takes it off."""

    def mine(event: dict[str, Any], hint: dict[str, Any]) -> dict[str, Any]:
        event["tags"]["mine"] = event["tags"]["http_status"]
        return event

    with own_client(before_send=mine) as receiver:
        own = sentry_sdk.get_client()
        app = configured()

        @app.get("/conflict")
        async def conflict() -> None:
            raise HTTPException(409, "taken")

        answer(app, "GET", "/conflict")
        (event,) = delivered(receiver)
        assert sentry_sdk.get_client() is own
        assert ("409", "taken") == (
            event["tags"]["mine"],
            event["extra"]["http_exception_detail"],
        )
        client.reset()
        assert mine is own.options["before_send"]
        assert own.transport is not None


def test_our_hook_given_by_the_application_runs_once() -> None:
    """`init(before_send=steadfastapi.before_send)` and `configure` go together."""
    with own_client(before_send=before_send) as receiver:
        app = configured()
        app.get("/crash")(crash)
        answer(app, "GET", "/crash")
        assert 1 == len(delivered(receiver))


def test_a_client_that_replaces_ours_is_found_at_the_next_error() -> None:
    """`sentry_sdk.init` after `configure` still gets the hook."""
    with sentried() as (app, _), own_client() as receiver:
        app.get("/crash/{x}")(crash)
        answer(app, "GET", "/crash/1")
        (event,) = delivered(receiver)
        assert "GET /crash/{x}" == event["transaction"]


OWN_APPLICATION = """
import logging, sentry_sdk
from fastapi import BackgroundTasks, FastAPI, HTTPException
from sentry_sdk.integrations.starlette import StarletteIntegration
from steadfastapi import configure

sentry_sdk.init({dsn!r}, traces_sample_rate=1.0)
assert sentry_sdk.get_client().get_integration(StarletteIntegration)
app = FastAPI()
stack = configure(app, metrics=False, tracing=False, logs=False)

@app.get("/sync")
def sync():
    raise ArithmeticError

@app.get("/logged")
async def logged():
    try:
        raise ArithmeticError
    except ArithmeticError:
        logging.getLogger("shop").exception("about to fail")
        raise

@app.get("/unavailable")
async def unavailable():
    sentry_sdk.set_tag("till", "empty")
    raise HTTPException(503, "closed")

@app.get("/background")
async def background(tasks: BackgroundTasks):
    tasks.add_task(sync)
"""


def test_the_sdks_own_integrations_do_not_add_a_second_event(tmp_path: Path) -> None:
    """A default `sentry_sdk.init` keeps working: one event an error, tags on both."""
    paths = ["/sync", "/logged", "/unavailable", "/background"]
    with SentryReceiver() as receiver:
        source = OWN_APPLICATION.format(dsn=receiver.dsn)
        (tmp_path / "own_application.py").write_text(source)
        environment = {"PYTHONPATH": ":".join(filter(None, sys.path))}
        with LiveServer(
            "own_application:app",
            subprocess=True,
            app_dir=str(tmp_path),
            env=environment,
        ) as server:
            for path in paths:
                httpx2.get(f"{server.url}{path}")
            server.stop()

        sent = [event["transaction"] for event in receiver.events()]
        assert sorted(f"GET {path}" for path in paths) == sorted(sent)
        spans = {span["transaction"]: span for span in receiver.items("transaction")}
        (tagged,) = [span for name, span in spans.items() if "unavailable" in name]
        assert "empty" == tagged["tags"]["till"]

"""What the Sentry client of the process promises."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

import pytest
import sentry_sdk
from sentry_sdk.transport import Transport

from sentry.harness import (
    answer,
    configured,
    delivered,
    raised,
    sentried,
)
from steadfastapi import Sentry
from steadfastapi._configure import stack_of
from steadfastapi.sentry import client
from support.faults import BlackHole, refused_port
from support.sentry import SentryReceiver

if TYPE_CHECKING:
    from sentry_sdk.envelope import Envelope


def crash() -> None:
    """Fail, as an endpoint."""
    raise ArithmeticError("no")


def test_the_client_takes_nothing_that_could_leak_or_repeat() -> None:
    """No framework integration, no locals, no tracing; log records are breadcrumbs."""
    with sentried(sample_rate=0.5, options={"dist": "7"}):
        found = client.found()
        assert found is not None
        names = {"atexit", "dedupe", "excepthook", "logging", "threading"}
        assert names == set(found.integrations)
        options = found.options
        assert options["include_local_variables"] is False
        assert options["traces_sample_rate"] is None
        assert not options["send_default_pii"]
        assert "never" == options["max_request_body_size"]
        assert (0.5, "7") == (options["sample_rate"], options["dist"])


def test_an_error_line_is_a_breadcrumb_and_no_event() -> None:
    """`logger.error` alone sends nothing; the next error shows it."""
    with sentried() as (app, receiver):

        @app.get("/crash")
        def endpoint() -> None:
            logging.getLogger("shop").error("the till is empty")
            crash()

        logging.getLogger("shop").error("outside of any request")
        answer(app, "GET", "/crash")
        (event,) = delivered(receiver)
        crumbs = [crumb["message"] for crumb in event["breadcrumbs"]["values"]]
        assert ["the till is empty"] == crumbs


def test_release_and_environment_are_the_services(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Events carry the service's identity; Sentry's own variables win over it."""
    monkeypatch.setenv("ENVIRONMENT", "staging")
    with sentried() as (app, receiver):
        app.get("/crash")(crash)
        answer(app, "GET", "/crash")
        (event,) = delivered(receiver)
        assert ("shop@1.2.3", "staging") == (event["release"], event["environment"])
    client.reset()
    monkeypatch.setenv("SENTRY_RELEASE", "shop@9")
    monkeypatch.setenv("SENTRY_ENVIRONMENT", "canary")
    with sentried() as (app, receiver):
        app.get("/crash")(crash)
        answer(app, "GET", "/crash")
        (event,) = delivered(receiver)
        assert ("shop@9", "canary") == (event["release"], event["environment"])


def test_an_integration_of_the_application_replaces_ours() -> None:
    """`options["integrations"]` adds to our list instead of emptying it."""
    from sentry_sdk.integrations.logging import LoggingIntegration

    mine = LoggingIntegration(event_level=logging.CRITICAL)
    with sentried(options={"integrations": [mine]}):
        found = client.found()
        assert found is not None
        assert found.get_integration("logging") is mine
        assert found.get_integration("threading") is not None


def test_a_second_application_shares_the_client() -> None:
    """Two configured applications report through one client, each hook called once."""
    seen: list[str] = []

    def hook(event: dict[str, Any], hint: dict[str, Any]) -> dict[str, Any]:
        seen.append(event["transaction"])
        return event

    with sentried(before_send=hook) as (one, receiver):
        first = client.found()
        two = configured(Sentry(dsn=receiver.dsn, before_send=hook))
        assert client.found() is first
        for app in (one, two):
            app.get("/crash")(crash)
            answer(app, "GET", "/crash")

        assert 2 == len(delivered(receiver))
        assert ["GET /crash"] * 2 == seen


def test_reset_closes_our_client() -> None:
    """After `reset` nothing is sent, and `configure` initialises anew."""
    with sentried() as (app, receiver):
        app.get("/crash")(crash)
        client.reset()
        assert client.found() is None
        answer(app, "GET", "/crash")
        assert client.flush(1.0)
        assert [] == receiver.events()
    client.reset()  # a second time does nothing


@pytest.mark.parametrize("backend", ["healthy", "black hole", "refused"])
def test_shutdown_tells_whether_everything_was_delivered(backend: str) -> None:
    """Delivered is True; hanging or refused is False, inside of the deadline."""
    with SentryReceiver() as healthy, BlackHole() as hole, refused_port() as closed:
        ports = {"healthy": healthy.port, "black hole": hole.port, "refused": closed}
        app = configured(Sentry(dsn=f"http://key@127.0.0.1:{ports[backend]}/1"))
        app.get("/crash")(crash)
        answer(app, "GET", "/crash")
        stack = stack_of(app)
        assert stack is not None
        start = time.monotonic()

        assert (backend == "healthy") == stack.shutdown(1.0)
        assert time.monotonic() - start < 1.2
        client.reset()


def test_the_application_may_drop_an_event() -> None:
    """None from the application's hook sends nothing, and it is asked each time."""
    asked: list[str] = []

    def drop(event: dict[str, Any], hint: dict[str, Any]) -> None:
        asked.append(raised(event)["type"])

    with sentried(before_send=drop) as (app, receiver):
        app.get("/crash")(crash)
        answer(app, "GET", "/crash")
        answer(app, "GET", "/crash")
        assert [] == delivered(receiver)
        assert ["ArithmeticError"] * 2 == asked


def test_a_transport_of_the_applications_own_is_flushed_too() -> None:
    """It need not count what it drops."""

    class Plain(Transport):
        def capture_envelope(self, envelope: Envelope) -> None:
            """Take it."""

    sentry_sdk.init(dsn="https://key@sentry.invalid/1", transport=Plain)
    try:
        assert client.flush(1.0)
    finally:
        sentry_sdk.get_client().close(timeout=0)
        sentry_sdk.get_global_scope().set_client(None)

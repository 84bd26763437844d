"""NB-1: whatever fails inside of the inbox, no answer changes."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from steadfastapi import configure
from steadfastapi.inbox.api import capture_exception, push
from steadfastapi.testing import internal_errors
from support.inbox import ToldStore
from support.inbox_apps import inbox_of
from support.sabotage import CAUSES, Fault

PATHS = ("/ok", "/crash", "/none", "/search")

PLACES = {
    "observer": ("inbox.observer", "observer.StatusLevels.of"),
    "capture": ("inbox.capture", "collector.Collector._complete"),
    "entry": ("inbox.entry", "writer.Writer._complete"),
    "fingerprint": ("inbox.fingerprint", ""),
    "listener": ("inbox.listener", ""),
    "log watch": ("inbox.log", "log_watch._take"),
    "store": ("inbox.store", ""),
}
"""Components, and what is replaced in them by something that raises."""


def shop() -> FastAPI:
    """Return an application with a success, a crash, and calls of ours in both."""
    app = FastAPI()

    @app.get("/ok")
    def fine() -> str:
        logging.getLogger("shop").error("odd")
        push(event="a", context={"b": 1})
        capture_exception(ValueError("x"))
        return "ok"

    @app.get("/crash")
    def crash() -> None:
        raise ValueError("x")

    @app.get("/search")
    def search(page: int) -> None:
        """Take a number."""

    return app


def answers(app: FastAPI) -> list[tuple[int, bytes, list[str]]]:
    """Return what a client gets."""
    with TestClient(app, raise_server_exceptions=False) as client:
        found = [client.get(path) for path in PATHS]
    return [(one.status_code, one.content, sorted(one.headers)) for one in found]


@pytest.fixture(scope="module")
def control() -> list[tuple[int, bytes, list[str]]]:
    """Return the answers of an application without an inbox."""
    app = shop()
    configure(app, tracing=False, sentry=False)
    return answers(app)


@pytest.mark.parametrize("cause", CAUSES)
@pytest.mark.parametrize("name", PLACES)
def test_a_failure_changes_no_answer(
    name: str, cause: str, control: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Status, body and headers are those of the control; the failure is counted."""
    component, target = PLACES[name]
    fault = Fault(CAUSES[cause])
    store: Any = ToldStore()
    settings: dict[str, Any] = {"store": store}
    if name == "fingerprint":
        settings["fingerprint"] = fault
    if name == "store":
        store.write = fault

    with inbox_of(shop_app := shop(), **settings) as kept, internal_errors() as counted:
        kept.handle.subscribe(fault if name == "listener" else lambda change: None)
        if name == "listener":
            store.changes = [None]
        if target and name != "entry":
            monkeypatch.setattr(f"steadfastapi.inbox.{target}", fault)
        if name == "entry":
            monkeypatch.setattr(kept.handle._writer, "_complete", fault)
        found = answers(shop_app)
        kept.handle.flush(5)

    assert control == found
    assert 0 < fault.calls
    assert 0 < counted[component]

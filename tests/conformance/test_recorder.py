"""What the outermost piece does to the order of messages: it drops, and looks ahead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.responses import PlainTextResponse

from steadfastapi import _recorders
from support.asgi import call
from support.conformance_stack import conforming
from support.drive import in_loop

if TYPE_CHECKING:
    import pytest

    from support.asgi import App, Receive, Scope, Send


def test_a_middleware_that_answers_an_error_again_is_not_heard() -> None:
    """It answers what the boundary has answered already; the server gets one start."""

    class Answering:
        def __init__(self, app: App) -> None:
            self.app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await self.app(scope, receive, send)
            except ZeroDivisionError:
                await PlainTextResponse("mine", 500)(scope, receive, send)

    plain = FastAPI()
    plain.get("/crash")(lambda: 1 / 0)
    plain.add_middleware(Answering)
    app, _, seams = conforming(plain, sentry=False)

    assert 500 == in_loop(call, app, path="/crash").status
    # In the middleware's own neighbourhood the second answer is seen; then it is gone.
    assert {"outside of Answering", "outside of ErrorBoundary"} == {
        one.split(":")[0] for one in seams.violations
    }


def test_what_was_looked_at_is_received_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A late response asks the server whether the client is there still (PROM-10)."""
    monkeypatch.setattr(_recorders, "PATIENCE", 0.0)
    received: list[str] = []

    async def reading_late(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        received.extend([(await receive())["type"] for _ in range(2)])
        await send({"type": "http.response.body", "body": b""})

    plain = FastAPI()
    plain.mount("/late", reading_late)
    app, _, seams = conforming(plain, sentry=False)
    in_loop(call, app, path="/late/", disconnect_after=1)

    assert ["http.request", "http.disconnect"] == received
    assert [] == seams.violations

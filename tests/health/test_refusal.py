"""The application's answers during maintenance."""

import pytest
from fastapi import FastAPI, WebSocket
from fastapi.middleware.cors import CORSMiddleware

from support.asgi import call_websocket
from support.health import Answer, ask, with_health

pytestmark = pytest.mark.anyio


def made(*, serve_503: bool = True) -> FastAPI:
    """Return an application in maintenance."""
    app = FastAPI()
    app.get("/orders")(lambda: "ok")
    app.add_middleware(CORSMiddleware, allow_origins=["*"])

    @app.websocket("/live")
    async def live(socket: WebSocket) -> None:
        await socket.accept()
        await socket.close()

    app, handle = with_health(app=app, serve_503=serve_503)
    handle.set_maintenance()
    return app


async def orders(app: FastAPI) -> Answer:
    """Request something of the application."""
    return await ask(app, "/orders", headers=[("origin", "https://shop.example")])


async def test_the_application_answers_503_where_it_is_asked_for() -> None:
    """In the contract's form, with CORS headers and a request id."""
    answer = await orders(made())

    assert (503, {"detail": "Service under maintenance"}) == (
        answer.status,
        answer.body,
    )
    assert "60" == answer.headers["retry-after"]
    assert {"access-control-allow-origin", "x-request-id"} <= set(answer.headers)


async def test_without_it_maintenance_is_for_orchestrators_only() -> None:
    """As in fastapi-watch."""
    assert 200 == (await orders(made(serve_503=False))).status


@pytest.mark.parametrize(
    "path", ["/health", "/health/live", "/health/ready", "/health/status", "/metrics"]
)
async def test_our_own_pages_are_excepted(path: str) -> None:
    """Liveness above all: maintenance restarts nothing."""
    assert 200 == (await ask(made(), path)).status


async def test_a_websocket_is_refused() -> None:
    """With the code that says: later."""
    result = await call_websocket(made(), "/live")

    assert 1013 == result.close_code


async def test_it_is_over_when_maintenance_is() -> None:
    """And not built in where it cannot happen."""
    app, handle = with_health(serve_503=True)
    app.get("/orders")(lambda: "ok")
    codes = [(await ask(app, "/orders")).status]
    handle.set_maintenance()
    codes.append((await ask(app, "/orders")).status)
    handle.clear_maintenance()
    codes.append((await ask(app, "/orders")).status)

    assert [200, 503, 200] == codes

"""Routes that are found when they are called."""

import pytest
from fastapi import APIRouter, FastAPI, HTTPException, WebSocket
from starlette.testclient import TestClient

from steadfastapi.exceptions import ConfigurationError
from steadfastapi.health import HealthHandle, RouteProbe, discovery
from support.health import ask, with_health

pytestmark = pytest.mark.anyio


def shop() -> tuple[FastAPI, HealthHandle]:
    """Return an application with routes on a router."""
    app, router = FastAPI(), APIRouter(prefix="/api")

    @router.get("/orders/{order}")
    def order(order: int) -> int:
        if order > 9:
            raise HTTPException(503)
        return order

    @router.post("/orders")
    def add() -> str:
        return "ok"

    app.include_router(router)
    app.get("/internal/x")(lambda: "ok")
    return with_health(app=app)


def send(client: TestClient, path: str, text: str) -> None:
    """Send one message, and wait until the handler has ended."""
    with client.websocket_connect(path) as socket:
        socket.send_text(text)
        socket.receive()


def names(handle: HealthHandle) -> list[str]:
    """Return the names of all probes."""
    return [check.name for check in handle.checks]


async def test_each_route_and_method_is_a_probe_by_its_template() -> None:
    """Found at its first call; health pages and unknown paths are none."""
    app, handle = shop()
    handle.discover_routes(max_error_rate=0.5, min_calls=1)
    for path in ("/api/orders/1", "/api/orders/2", "/nope", "/health/live"):
        await ask(app, path)
    await ask(app, "/api/orders", "POST")
    (check, _) = handle.checks
    probe = check.probe

    assert ["GET /api/orders/{order}", "POST /api/orders"] == names(handle)
    assert isinstance(probe, RouteProbe)
    assert (2, 0.5, False) == (
        probe.window.total,
        probe.max_error_rate,
        check.critical,
    )


async def test_answers_from_500_on_are_errors() -> None:
    """By the status that the client saw."""
    app, handle = shop()
    handle.discover_routes()
    for number in (1, 10, 11):
        await ask(app, f"/api/orders/{number}")
    (check,) = handle.checks
    traffic = check.probe.traffic()  # type: ignore[attr-defined]

    assert {"2xx": 1, "5xx": 2} == traffic["status_distribution"]
    assert (3, 2) == (traffic["call_count"], traffic["error_count"])


async def test_prefixes_narrow_down() -> None:
    """What is included, without what is excluded."""
    app, handle = shop()
    handle.discover_routes(include=["/api"], exclude=["/api/orders/{order}"])
    for path in ("/api/orders/1", "/internal/x"):
        await ask(app, path)
    await ask(app, "/api/orders", "POST")

    assert ["POST /api/orders"] == names(handle)


async def test_routes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first ones count."""
    monkeypatch.setattr(discovery, "MAX_ROUTES", 1)
    app, handle = shop()
    handle.discover_routes()
    for path in ("/api/orders/1", "/internal/x", "/api/orders/1"):
        await ask(app, path)

    assert ["GET /api/orders/{order}"] == names(handle)


async def test_it_is_too_late_once_the_application_has_started() -> None:
    """The message says where to call it."""
    app, handle = shop()
    await ask(app, "/internal/x")

    with pytest.raises(ConfigurationError, match="where configure"):
        handle.discover_routes()


async def test_a_router_may_be_watched_on_its_own() -> None:
    """With settings of its own, which go before those of all routes."""
    app, other = FastAPI(), APIRouter()
    router = APIRouter()
    router.get("/orders")(lambda: "ok")
    router.post("/orders")(lambda: "ok")
    other.get("/users")(lambda: "ok")
    app.include_router(router, prefix="/api")
    app.include_router(other, prefix="/api")
    app, handle = with_health(app=app)
    handle.discover_routes(max_error_rate=0.1)
    handle.watch_router(
        router, methods=["get"], critical=True, max_error_rate=0.5, tags=["orders"]
    )
    await ask(app, "/api/orders")
    await ask(app, "/api/orders", "POST")
    await ask(app, "/api/users")

    assert [
        ("GET /api/orders", True, 0.5, {"orders"}),
        ("POST /api/orders", False, 0.1, set()),
        ("GET /api/users", False, 0.1, set()),
    ] == [
        (
            check.name,
            check.critical,
            check.probe.max_error_rate,  # type: ignore[attr-defined]
            set(check.tags),
        )
        for check in handle.checks
    ]


def test_websockets_are_found_too() -> None:
    """One that its handler broke is an error."""
    app = FastAPI()

    @app.websocket("/ws/{room}")
    async def talk(websocket: WebSocket, room: str) -> None:
        await websocket.accept()
        await websocket.receive_text()
        if room == "bad":
            raise ValueError("bug")
        await websocket.close()

    app, handle = with_health(app=app)
    handle.discover_routes()
    client = TestClient(app)
    send(client, "/ws/good", "hello")
    with pytest.raises(ValueError, match="bug"):
        send(client, "/ws/bad", "hello")
    (check,) = handle.checks
    traffic = check.probe.traffic()  # type: ignore[attr-defined]

    assert "WEBSOCKET /ws/{room}" == check.name
    assert (2, 1) == (traffic["call_count"], traffic["error_count"])


@pytest.mark.parametrize(
    ("options", "words"),
    [({"max_eror_rate": 1}, "max_error_rate"), ({"max_error_rate": 5}, "0 to 1")],
)
def test_wrong_options_are_found_at_once(options: dict[str, int], words: str) -> None:
    """Not at the first request."""
    _, handle = shop()

    with pytest.raises(ConfigurationError, match=words):
        handle.discover_routes(**options)  # type: ignore[arg-type]


def test_a_router_is_what_has_routes() -> None:
    """Anything else is one clear error."""
    _, handle = shop()

    with pytest.raises(ConfigurationError, match="give an APIRouter"):
        handle.watch_router("users")  # type: ignore[arg-type]

"""Routes that are found when they are called."""

import pytest
from fastapi import APIRouter, FastAPI, HTTPException

from steadfastapi.exceptions import ConfigurationError
from steadfastapi.health import HealthHandle, RouteProbe, routes
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
    monkeypatch.setattr(routes, "MAX_ROUTES", 1)
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

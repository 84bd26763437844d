"""Which routes are limited: early, late, several times, in several applications."""

import logging

import pytest
import slowapi
from fastapi import APIRouter, FastAPI, Request, WebSocket
from slowapi.util import get_remote_address
from starlette.responses import PlainTextResponse
from starlette.routing import Host, Mount, Route, Router
from starlette.staticfiles import StaticFiles

from steadfastapi import Limiter, Limits, configure
from steadfastapi.limits import gates
from support.apps import opaque
from support.limited import OFF, limited, statuses


@pytest.fixture
def limiter() -> Limiter:
    """A limiter of this test alone."""
    return Limiter()


def test_a_route_that_is_added_after_the_start_is_limited(limiter: Limiter) -> None:
    """From its first request on."""
    app = limited(FastAPI())
    assert [404] == statuses(app, "/late")
    app.get("/late")(limiter.limit("2/minute")(lambda: "ok"))

    assert [200, 200, 429] == statuses(app, *["/late"] * 3)


def test_a_route_of_an_included_router_that_is_added_later_is_limited(
    limiter: Limiter,
) -> None:
    """From its second request on at the latest; with default limits, from its first.

    Up to FastAPI 0.136 such a route is not served at all.
    """
    for limits, passing in ((Limits(), 2), (Limits(default=("9/minute",)), 1)):
        router = APIRouter()
        router.get("/early")(lambda: "ok")
        app = FastAPI()
        app.get("/a")(limiter.limit("1/minute")(lambda: "ok"))
        app.include_router(router)
        limited(app, limits=limits)
        statuses(app, "/a")
        router.get("/late")(limiter.limit("1/minute")(lambda: "ok"))
        found = statuses(app, *["/late"] * 4)

        assert found.count(200) <= passing
        assert {429, 404} & {found[-1]}


def test_one_router_in_two_applications_is_limited_in_each(limiter: Limiter) -> None:
    """The gates belong to none of them."""
    router = APIRouter()
    router.get("/a")(limiter.limit("1/minute")(lambda: "ok"))
    apps = []
    for name in ("first", "second"):
        app = FastAPI(title=name)
        app.include_router(router)
        apps.append(limited(app))
    bare = FastAPI()
    bare.include_router(router)
    for app in apps:
        assert [200, 429] == statuses(app, *["/a"] * 2)
    assert [200, 200, 200] == statuses(bare, *["/a"] * 3)


def test_a_configured_application_in_a_configured_one_counts_once(
    limiter: Limiter,
) -> None:
    """The outer one's limits hold, on the outer one's templates."""
    inner, outer = FastAPI(), FastAPI()
    inner.get("/a")(limiter.limit("2/minute")(lambda: "ok"))
    limited(inner)
    outer.mount("/in", inner)
    limited(outer)

    assert [200, 200, 429] == statuses(outer, *["/in/a"] * 3)


def test_without_any_limit_no_route_is_touched() -> None:
    """And the piece passes everything on."""
    app = FastAPI()
    app.get("/a")(lambda: "ok")
    stack = configure(app, **OFF)
    statuses(app, "/a")

    assert [] == [
        place for place in gates.places(app.routes) if "handle" in vars(place.route)
    ]
    assert not stack.limiter.shared


def test_only_limited_routes_get_a_gate(limiter: Limiter) -> None:
    """The others are as the application made them."""
    app = FastAPI()
    app.get("/a")(limiter.limit("1/minute")(lambda: "ok"))
    app.get("/b")(lambda: "ok")
    limited(app)
    statuses(app, "/a")

    assert ["/a"] == [
        place.effective.path
        for place in gates.places(app.routes)
        if "handle" in vars(place.route)
    ]


async def plain(request: Request) -> PlainTextResponse:
    """Answer."""
    return PlainTextResponse("ok")


def test_routes_of_starlette_are_limited(limiter: Limiter, tmp_path: object) -> None:
    """In mounts, under hosts, and opaque applications by their mount."""
    endpoint = limiter.limit("1/minute")(plain)
    app = FastAPI()
    router = APIRouter()
    router.routes.append(Route("/r", endpoint))
    app.include_router(router, prefix="/p")
    app.routes.append(Mount("/m", Router([Route("/r", endpoint)])))
    app.routes.append(Host("api.example", Router([Route("/r", endpoint)])))
    app.mount("/opaque", opaque)
    app.mount("/files", StaticFiles(directory=str(tmp_path)))
    limited(app, limits=Limits(default=("2/minute",)))

    for path in ("/p/r", "/m/r"):
        assert [200, 429] == statuses(app, path, path)
    host = [("host", "api.example")]
    assert [200, 429] == statuses(app, "/r", "/r", headers=host)
    assert [200, 200, 429] == statuses(app, *["/opaque/a", "/opaque/b", "/opaque/c"])
    assert [404, 404, 429] == statuses(app, *["/files/a", "/files/b", "/files/c"])


def test_quiet_paths_and_preflights_never_count() -> None:
    """Health checks, scrapes, and what a browser asks first."""
    app = FastAPI()
    app.get("/health")(lambda: "ok")
    app.get("/a")(lambda: "ok")
    limited(app, limits=Limits(default=("1/minute",)))
    preflight = [("origin", "https://a"), ("access-control-request-method", "GET")]

    assert [200] * 3 == statuses(app, *["/health"] * 3)
    assert [200] * 3 == statuses(app, *["/metrics"] * 3)
    assert [405] * 3 == statuses(app, *["OPTIONS /a"] * 3, headers=preflight)
    assert [405, 429] == statuses(app, *["OPTIONS /a"] * 2)


def test_a_route_that_answers_options_counts_them(limiter: Limiter) -> None:
    """Or a header would be a way around its limit."""
    app = FastAPI()
    app.options("/a")(limiter.limit("1/minute")(lambda: "ok"))
    preflight = [("access-control-request-method", "GET")]

    assert [200, 429] == statuses(limited(app), *["OPTIONS /a"] * 2, headers=preflight)


def adopted(own: slowapi.Limiter) -> FastAPI:
    """Return an application as users of slowapi have it, unconfigured."""
    app = FastAPI()
    app.state.limiter = own

    @app.get("/plain")
    @own.limit("1/minute")
    def plain(request: Request) -> dict[str, str]:
        return {"a": "b"}

    @app.get("/dynamic")
    @own.limit(lambda: "1/minute")
    async def dynamic(request: Request) -> str:
        return "ok"

    for path in ("/one", "/two"):

        @app.get(path)
        @own.shared_limit("1/minute", scope="shared")
        def shared(request: Request) -> str:
            return "ok"

    return app


def test_a_limiter_of_slowapi_is_adopted(caplog: pytest.LogCaptureFixture) -> None:
    """Static, dynamic and shared limits, with a note in the log."""
    own = slowapi.Limiter(key_func=get_remote_address, headers_enabled=True)
    app = adopted(own)
    with caplog.at_level(logging.INFO, "steadfastapi.limits"):
        limited(app)
        for path in ("/plain", "/dynamic"):
            assert [200, 429] == statuses(app, path, path)
        assert [200, 429] == statuses(app, "/one", "/two")
    own.enabled = False
    assert [200, 200] == statuses(app, *["/plain"] * 2)
    assert 1 == len(caplog.records)


def test_an_adopted_limiter_brings_its_application_limits() -> None:
    """And where it counts stays its own memory's matter."""
    own = slowapi.Limiter(key_func=get_remote_address, application_limits=["2/minute"])
    app = FastAPI()
    app.state.limiter = own
    app.get("/a")(lambda: "ok")
    app.get("/b")(lambda: "ok")

    assert [200, 200, 429] == statuses(limited(app), "/a", "/b", "/a")


def test_an_unmatched_websocket_is_limited() -> None:
    """With the unknown paths."""
    app = limited(FastAPI(), limits=Limits(default=("1/minute",)))

    found = statuses(app, "WEBSOCKET /a", "WEBSOCKET /b")
    assert [None, 429] == found


def test_a_websocket_without_denial_responses_is_closed(limiter: Limiter) -> None:
    """With 1008, which servers turn into 403."""
    app = FastAPI()

    @app.websocket("/ws")
    @limiter.limit("1/minute")
    async def websocket(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close()

    found = statuses(limited(app), *["WEBSOCKET /ws"] * 2, scope={"extensions": {}})
    assert [101, None] == found

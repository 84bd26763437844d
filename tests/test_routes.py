"""The template of a route, from a scope that routing has finished with."""

from pathlib import Path
from typing import Any

import fastapi.routing
import pytest
from fastapi import APIRouter, FastAPI, Response
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Host, Mount, Route, Router, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from steadfastapi._middleware import ExchangeMiddleware
from steadfastapi._observers import Observers
from steadfastapi._routes import (
    RouteTable,
    mounted_apps,
    route_template,
)
from support.apps import opaque, router, sub_app
from support.asgi import call, call_websocket
from support.drive import in_loop

TREE = hasattr(fastapi.routing, "_IncludedRouter")
FRONT_ENDS = hasattr(FastAPI, "frontend")


class Passing:
    """A middleware that hands on a copy of nothing."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on."""
        await self.app(scope, receive, send)


def template(app: Any, path: str, **request: Any) -> str | None:
    """Request a path; return the template that the finished scope gives."""
    table = RouteTable.of(app)
    found: list[str | None] = []
    wrapped = ExchangeMiddleware(
        app,
        observers=Observers(finish=(("test", lambda it: found.append(it.route)),)),
        route_of=lambda scope: route_template(scope, table),
    )
    kind = call_websocket if request.pop("websocket", False) else call
    in_loop(kind, wrapped, path=path, **request)
    return found[0]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/direct/1", "/direct/{x}"),
        ("/files/a/b.txt", "/files/{path}"),
        ("/verb/1:cancel", "/verb/{x}:cancel"),
        ("/plain/1", "/plain/{x}"),
        ("/v1/users/7", "/v1/users/{user_id}"),
        ("/v1/users/deep/er/8", "/v1/users/deep/er/{x}"),
        ("/v1/plain/9", "/v1/plain/{x}"),
        ("/", "/"),
        ("/nothing", None),
        ("/direct", None),
        ("/direct/1/2", None),
    ],
)
def test_routes_and_routers(path: str, expected: str | None) -> None:
    """Converters are dropped, prefixes kept, and what does not match has no name."""
    app = FastAPI()
    app.add_api_route("/", lambda: "ok")
    app.add_api_route("/direct/{x}", lambda: "ok")
    app.add_api_route("/files/{path:path}", lambda: "ok")
    app.add_api_route("/verb/{x}:cancel", lambda: "ok")
    app.router.routes.append(Route("/plain/{x:int}", Response("ok")))
    outer = router("/users", "/{user_id}")
    outer.include_router(router("/er", "/{x}"), prefix="/deep")
    outer.routes.append(Route("/plain/{x}", Response("ok")))
    app.include_router(outer, prefix="/v1")

    assert expected == template(app, path)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/m/c/1", "/m/c/{z}"),
        ("/m/sr/d/1", "/m/sr/d/{w}"),
        ("/m/x", "/m"),
        ("/wrapped/c/1", "/wrapped/c/{z}"),
        ("/twice/again/c/1", "/twice/again/c/{z}"),
        ("/t/acme/c/1", "/t/{tenant}/c/{z}"),
        ("/t/acme/x", "/t/{tenant}"),
        ("/year/2026/c/1", "/year/{year}/c/{z}"),
        ("/tree/a/b/leaf/c/1", "/tree/{where}/leaf/c/{z}"),
        ("/opaque/what/ever", "/opaque"),
        ("/starlette/e/1", "/starlette/e/{x}"),
        ("/router/e/1", "/router/e/{x}"),
        ("/router/deep/x", "/router/deep"),
    ],
)
def test_mounts(path: str, expected: str) -> None:
    """Every kind of mount gives its own template, never the concrete path."""
    plain = [Route("/e/{x}", Response("ok"))]
    between = FastAPI()
    between.mount("/again", sub_app())
    app = FastAPI()
    app.mount("/m", sub_app())
    app.mount("/twice", between)
    app.mount("/t/{tenant}", sub_app())
    app.mount("/year/{year:int}", sub_app())
    app.mount("/tree/{where:path}/leaf", sub_app())
    app.mount("/opaque", opaque)
    app.mount("/starlette", Starlette(routes=plain))
    app.mount("/router", Router([*plain, Mount("/deep", opaque)]))
    app.router.routes.append(
        Mount("/wrapped", sub_app(), middleware=[Middleware(Passing)])
    )

    assert expected == template(app, path)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/q/in/c/1", "/q/in/c/{z}"),
        ("/q/in/sr/d/1", "/q/in/sr/d/{w}"),
        ("/q/in/x", "/q/in"),
        ("/q/t/acme/c/1", "/q/t/{tenant}/c/{z}"),
    ],
)
def test_mounts_of_an_included_router(path: str, expected: str) -> None:
    """The router's prefix comes first; before 0.137 FastAPI drops such mounts."""
    inner = APIRouter()
    inner.mount("/in", sub_app())
    inner.mount("/t/{tenant}", sub_app())
    app = FastAPI()
    app.include_router(inner, prefix="/q")

    assert (expected if TREE else None) == template(app, path)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/app", "/app/{path}"),
        ("/app/", "/app/{path}"),
        ("/app/assets/a.js", "/app/{path}"),
        ("/app/missing.js", "/app/{path}"),
        ("/q/ui/assets/a.js", "/q/ui/{path}"),
        ("/a", "/a"),
        ("/nothing", None),
    ],
)
def test_front_ends(tmp_path: Path, path: str, expected: str | None) -> None:
    """However many files there are, a front end has one name, where there is any."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "a.js").write_text("a")
    (tmp_path / "index.html").write_text("index")
    inner, app = APIRouter(), FastAPI()
    if FRONT_ENDS:
        inner.frontend("/ui", directory=tmp_path)
        app.frontend("/app", directory=tmp_path)
    app.add_api_route("/a", lambda: "ok")
    app.include_router(inner, prefix="/q")

    served = FRONT_ENDS or expected == "/a"
    assert (expected if served else None) == template(app, path)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/a/1", "/a/{x}"),
        ("/v1/b/1", "/v1/b/{x}"),
        ("/plain/1", "/plain/{x}"),
        ("/nothing", None),
    ],
)
def test_websocket_routes(path: str, expected: str | None) -> None:
    """They are found like any other."""

    async def endpoint(websocket: fastapi.WebSocket) -> None:
        await websocket.close()

    inner = APIRouter()
    inner.add_api_websocket_route("/b/{x}", endpoint)
    app = FastAPI()
    app.add_api_websocket_route("/a/{x}", endpoint)
    app.include_router(inner, prefix="/v1")
    app.router.routes.append(WebSocketRoute("/plain/{x}", endpoint))

    assert expected == template(app, path, websocket=True)


def test_one_endpoint_at_several_paths_is_told_apart() -> None:
    """By the path: nothing else is left of a Starlette route."""
    endpoint = Response("ok")
    app = FastAPI()
    for path in ("/a", "/b/{x}", "/b/{x}/{y:path}"):
        app.router.routes.append(Route(path, endpoint))
    app.mount("/m", Router([Route("/c/{x}", endpoint)]))

    assert ["/a", "/b/{x}", "/b/{x}/{y}", "/m/c/{x}"] == [
        template(app, path) for path in ("/a", "/b/1", "/b/1/2/3", "/m/c/1")
    ]


def test_a_host_is_no_part_of_a_template() -> None:
    """The path below it is."""
    app = FastAPI()
    app.router.routes.append(Host("{name}.example.org", sub_app()))
    headers = [("host", "shop.example.org")]

    assert "/c/{z}" == template(app, "/c/1", headers=headers)


def test_a_mount_that_came_late_mints_no_template() -> None:
    """Parameters are put back by value where the mount is not in the table."""
    app = FastAPI()
    table = RouteTable.of(app)
    app.mount("/late/{tenant}", sub_app())
    scope = {
        "app_root_path": "/api",
        "root_path": "/api/late/acme",
        "path_params": {"tenant": "acme"},
    }

    assert "/late/{tenant}" == route_template(scope, table)


def test_mounts_are_listed_with_their_applications() -> None:
    """Routers, mounts and middleware around them are looked through."""
    deep, inner = sub_app(), FastAPI()
    inner.mount("/deep/", deep)
    app = FastAPI()
    app.mount("/in", inner)
    app.router.routes.append(Mount("/wrapped", deep, middleware=[Middleware(Passing)]))
    app.mount("/opaque", opaque)

    assert [
        ("/in", inner, True),
        ("/in/deep", deep, True),
        ("/wrapped", deep, True),
        ("/opaque", opaque, False),
    ] == [(mount.template, mount.app, mount.covered) for mount in mounted_apps(app)]


def test_an_application_that_mounts_itself_is_listed_and_no_more() -> None:
    """It is no endless loop."""
    app = FastAPI()
    app.mount("/self", app)

    assert "/self/self" == mounted_apps(app)[1].template
    assert "/self/self/self" == template(app, "/self/self/self/x")


def test_something_without_routes_has_no_mounts() -> None:
    """Any ASGI callable will do."""
    assert [] == mounted_apps(opaque)

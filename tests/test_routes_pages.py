"""The pages of ours, which stand before the routes of the application."""

from typing import Any

import pytest
from fastapi import FastAPI, Response
from starlette.routing import NoMatchFound, Route

from steadfastapi._routes import OperationsRoute
from support.apps import opaque
from support.asgi import AsgiResult, call, call_websocket
from support.drive import in_loop


def served(app: FastAPI, method: str, path: str, **scope: Any) -> AsgiResult:
    """Send one request to an application with two pages of ours before its routes."""
    pages = {
        path: Route(path, Response(path), methods=["GET"], name=path.strip("/"))
        for path in ("/metrics", "/ops/plan")
    }
    app.router.routes.insert(0, OperationsRoute(pages))
    result: AsgiResult = in_loop(call, app, method, path, scope=scope)
    return result


def test_pages_of_ours_come_before_a_catch_all() -> None:
    """A route that matches everything hides none."""
    app = FastAPI()
    app.add_api_route("/{path:path}", lambda path: path)

    assert b"/ops/plan" == served(app, "GET", "/ops/plan").body
    assert b'"ops/plans"' == served(app, "GET", "/ops/plans").body


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("POST", 405)])
def test_pages_of_ours_answer_the_methods_of_a_route(method: str, status: int) -> None:
    """HEAD as GET, others not."""
    assert status == served(FastAPI(), method, "/metrics").status


@pytest.mark.parametrize("path", ["/api/metrics", "/metrics"])
def test_pages_of_ours_answer_behind_a_prefix(path: str) -> None:
    """Whether it was stripped or not."""
    assert b"/metrics" == served(FastAPI(), "GET", path, root_path="/api").body


def test_pages_of_ours_match_http_only() -> None:
    """A WebSocket on the same path is the application's."""
    app = FastAPI()
    app.router.routes.insert(
        0, OperationsRoute({"/metrics": Route("/metrics", opaque)})
    )
    result: AsgiResult = in_loop(call_websocket, app, "/metrics")

    assert [{"type": "websocket.close", "code": 1000, "reason": ""}] == result.messages


def test_pages_of_ours_have_an_address() -> None:
    """By name, as any route; other names are looked for elsewhere."""
    app = FastAPI()
    app.add_api_route("/a", lambda: "ok", name="theirs")
    page = Route("/metrics", opaque, name="ours")
    app.router.routes.insert(0, OperationsRoute({"/metrics": page}))

    assert "/metrics" == app.url_path_for("ours")
    assert "/a" == app.url_path_for("theirs")
    with pytest.raises(NoMatchFound):
        app.url_path_for("nobody's")


def test_pages_of_ours_are_no_part_of_openapi() -> None:
    """They are for machines that know them."""
    app = FastAPI()
    app.router.routes.insert(
        0, OperationsRoute({"/metrics": Route("/metrics", opaque)})
    )
    app.add_api_route("/a", lambda: "ok")

    assert ["/a"] == list(app.openapi()["paths"])

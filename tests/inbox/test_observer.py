"""Which exchanges leave an entry: in process and over a real server."""

from __future__ import annotations

import contextlib
import logging
from typing import Any

import pytest
from fastapi import (
    APIRouter,
    BackgroundTasks,
    FastAPI,
    HTTPException,
    Request,
    WebSocket,
)
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.responses import StreamingResponse
from starlette.testclient import TestClient

from steadfastapi.inbox.api import capture_exception
from support.drive import driven, on_both
from support.inbox_apps import inbox_of


class Login(BaseModel):
    """A body that is refused."""

    password: str = Field(max_length=3)


def entries_of(
    app: FastAPI, target: str, how: str = "in process", **settings: Any
) -> Any:
    """Return the entries that one request leaves; `None` for the client's answer."""
    method, _, path = target.rpartition(" ")
    with inbox_of(app, **settings) as kept:
        with driven(app, how) as client, contextlib.suppress(Exception):
            client.request(method or "GET", path)
        return kept.entries()


def crashing() -> FastAPI:
    """Return an application whose `/crash` raises."""
    app = FastAPI()

    @app.get("/crash")
    async def crash() -> None:
        raise ValueError("the till is empty")

    return app


@on_both
def test_an_exception_that_escapes(how: str) -> None:
    """An error, with all that is known of the request by its end."""
    (entry,) = entries_of(crashing(), "/crash", how)

    assert ("unhandled_exception", "error") == (entry.event, entry.level)
    assert ("ValueError: the till is empty", "/crash", 500) == (
        entry.title,
        entry.route,
        entry.status,
    )
    assert "server_error" == entry.request["outcome"]
    assert 0 < entry.request["duration_ms"]
    assert "test_observer.py in crashing.<locals>.crash" in entry.culprit


def test_an_http_exception() -> None:
    """By its status: 4xx a warning, 5xx an error, with where it was raised."""
    app = FastAPI()

    @app.get("/{code}")
    async def fail(code: int) -> None:
        raise HTTPException(code, "gone")

    (warning,) = entries_of(app, "/404")
    assert ("http_exception", "warning", 404) == (
        warning.event,
        warning.level,
        warning.status,
    )
    assert "fail" in warning.culprit


def test_an_http_exception_of_5xx_is_an_error() -> None:
    """Though somebody meant it."""
    app = FastAPI()

    @app.get("/busy")
    async def busy() -> None:
        raise HTTPException(503, "busy")

    (entry,) = entries_of(app, "/busy")
    assert ("http_exception", "error", 503) == (entry.event, entry.level, entry.status)


def test_an_exception_that_a_handler_answers() -> None:
    """With a server error it is an error all the same; a client error is a warning."""
    for status, expected in (
        (500, ("handled_exception", "error")),
        (409, ("http_error", "warning")),
    ):
        app = crashing()

        @app.exception_handler(ValueError)
        async def handle(
            request: Request, exc: ValueError, status: int = status
        ) -> Any:
            return JSONResponse({"detail": "sorry"}, status_code=status)

        (entry,) = entries_of(app, "/crash")
        assert expected == (entry.event, entry.level)
        assert "ValueError" == entry.faults[0].type


def test_sec_2_a_validation_error_tells_where_and_not_what() -> None:
    """SEC-2: never the rejected input."""
    app = FastAPI()

    @app.post("/login")
    async def login(body: Login) -> None:
        """Log in."""

    with inbox_of(app) as kept, TestClient(app) as client:
        client.post("/login", json={"password": "hunter2hunter2"})
        (entry,) = kept.entries()

    assert ("validation_error", "warning", 422) == (
        entry.event,
        entry.level,
        entry.status,
    )
    assert "string_too_long at body.password" == entry.message
    assert "hunter2" not in entry.as_json().decode()


def test_answers_without_an_exception() -> None:
    """What an endpoint returns as an error, and methods that a route has not."""
    app = FastAPI()

    @app.get("/bad")
    async def bad() -> JSONResponse:
        return JSONResponse({}, status_code=502)

    (returned,) = entries_of(app, "/bad")
    assert ("http_error", "error", 502) == (
        returned.event,
        returned.level,
        returned.status,
    )


def test_another_method() -> None:
    """FLARE-4: 405s are seen, with their route."""
    (entry,) = entries_of(crashing(), "PUT /crash")

    assert ("http_exception", 405, "/crash") == (entry.event, entry.status, entry.route)


def test_unmatched_paths_are_nothing_unless_asked_for() -> None:
    """Scanners send them all day."""
    assert [] == list(entries_of(crashing(), "/wp-admin.php"))

    (entry,) = entries_of(crashing(), "/wp-admin.php", unmatched=True)
    assert ("http_exception", 404, None) == (entry.event, entry.status, entry.route)


def test_a_health_check_that_fails_is_no_error() -> None:
    """The health layer tells of it; an exception in it is one."""
    app = FastAPI()

    @app.get("/health/ready")
    def ready() -> JSONResponse:
        return JSONResponse({}, status_code=503)

    @app.get("/health/live")
    def live() -> None:
        raise ValueError("x")

    assert () == entries_of(app, "/health/ready")
    app = FastAPI()
    app.add_api_route("/health/live", live)
    (entry,) = entries_of(app, "/health/live")
    assert "unhandled_exception" == entry.event


def test_levels_are_settings() -> None:
    """By code and by class; exceptions that escape are errors whatever they say."""
    app = crashing()
    (entry,) = entries_of(app, "PUT /crash", levels={"405": "error"})
    assert "error" == entry.level

    assert () == entries_of(crashing(), "PUT /crash", levels={"5xx": "error"})
    (entry,) = entries_of(crashing(), "/crash", levels={"5xx": "off"})
    assert "error" == entry.level


def test_success_leaves_nothing() -> None:
    """Nor does a redirect."""
    app = FastAPI()
    app.add_api_route("/", lambda: "ok")

    assert () == entries_of(app, "/")


@on_both
def test_a_background_task(how: str) -> None:
    """It fails after its response, which was fine."""
    app = FastAPI()

    def fail() -> None:
        raise RuntimeError("no mail")

    @app.get("/")
    async def start(tasks: BackgroundTasks) -> str:
        tasks.add_task(fail)
        return "ok"

    (entry,) = entries_of(app, "/", how)
    assert ("background_exception", "error", 200) == (
        entry.event,
        entry.level,
        entry.status,
    )


def test_a_stream_that_breaks() -> None:
    """After its first chunk: one entry."""
    app = FastAPI()

    @app.get("/")
    async def stream() -> StreamingResponse:
        async def chunks() -> Any:
            yield b"a"
            raise RuntimeError("half")

        return StreamingResponse(chunks())

    (entry,) = entries_of(app, "/")
    assert ("unhandled_exception", "RuntimeError: half") == (entry.event, entry.title)


def test_a_websocket() -> None:
    """That an exception ends."""
    app = FastAPI()

    @app.websocket("/ws/{name}")
    async def talk(websocket: WebSocket, name: str) -> None:
        await websocket.accept()
        raise RuntimeError("hoarse")

    with inbox_of(app) as kept, TestClient(app) as client:
        with (
            contextlib.suppress(RuntimeError),
            client.websocket_connect("/ws/a") as connection,
        ):
            connection.receive_text()
        (entry,) = kept.entries()

    assert ("websocket_exception", "error", "/ws/{name}") == (
        entry.event,
        entry.level,
        entry.route,
    )


@on_both
def test_included_and_mounted_routes_have_their_whole_template(how: str) -> None:
    """FLARE-5: two routers with one path are two issues."""
    app, mounted = FastAPI(), FastAPI()

    def fail() -> None:
        raise ValueError("x")

    for prefix in ("/a", "/b"):
        router = APIRouter(prefix=prefix)
        router.add_api_route("/{item}", fail)
        app.include_router(router)
    mounted.add_api_route("/{item}", fail)
    app.mount("/sub", mounted)

    with inbox_of(app) as kept:
        with driven(app, how) as client:
            for path in ("/a/1", "/b/1", "/sub/1", "/a/2"):
                client.get(path)
        issues = kept.issues()

    assert {"/a/{item}": 2, "/b/{item}": 1, "/sub/{item}": 1} == {
        one.route: one.count for one in issues
    }


def test_bound_fields_and_users_are_kept() -> None:
    """Whoever was affected is counted."""
    from steadfastapi import bind

    app = FastAPI()

    @app.get("/{user}")
    async def fail(user: str) -> None:
        bind(user_id=user, cart=[1, 2])
        raise ValueError("x")

    with (
        inbox_of(app) as kept,
        TestClient(app, raise_server_exceptions=False) as client,
    ):
        for user in ("ada", "bob", "ada"):
            client.get(f"/{user}")
        (issue,) = kept.issues()
        entries = kept.entries()

    assert (3, 2) == (issue.count, issue.users)
    assert ["ada", "bob", "ada"] == [one.user for one in entries]
    assert {"user_id": "ada", "cart": [1, 2]} == entries[0].fields


@pytest.mark.parametrize("contract", [None, False])
def test_it_works_without_the_contract(contract: bool | None) -> None:
    """Layers do not need each other."""
    app = crashing()
    layers = {"contract": contract, "metrics": False, "limits": False}

    with inbox_of(app, layers=layers) as kept:
        _get(app, "/crash")
        assert 1 == len(kept.issues())


def _get(app: FastAPI, path: str) -> None:
    with TestClient(app, raise_server_exceptions=False) as client:
        client.get(path)


def test_one_exception_is_one_entry() -> None:
    """However often it is captured, logged, raised and chained."""
    app = FastAPI()

    @app.get("/captured")
    async def captured() -> None:
        try:
            raise ValueError("a")
        except ValueError as error:
            capture_exception(error, order=7)
            raise

    @app.get("/logged")
    def logged() -> None:
        try:
            raise ValueError("b")
        except ValueError:
            logging.getLogger("shop").exception("about to fail")
            raise

    @app.get("/chained")
    def chained() -> None:
        try:
            raise ValueError("c")
        except ValueError as error:
            logging.getLogger("shop").exception("about to fail")
            raise HTTPException(503) from error

    with inbox_of(app) as inbox:
        for path in ("/captured", "/logged", "/chained"):
            _get(app, path)
        events = [one.event for one in inbox.entries()]

    assert ["exception", "unhandled_exception", "http_exception"] == events

"""CTX-1 to CTX-6 and CTX-10: middleware, context variables and the request id."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi import BackgroundTasks, Depends, FastAPI, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import JSONResponse
from fastapi.testclient import TestClient
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint

import steadfastapi
from steadfastapi import Logs, Plan, Sentry, bind, configure, current_exchange
from steadfastapi.exceptions import AlreadyConfiguredError, ConfigurationError
from steadfastapi.testing import capture
from support.apps import built, configured
from support.drive import driven, on_both, visit
from support.raw import parse_response, raw_request
from support.server import LiveServer

GET = b"GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


async def pass_on(request: Request, call_next: RequestResponseEndpoint) -> Response:
    """Do nothing, as a BaseHTTPMiddleware of the application."""
    return await call_next(request)


@on_both
def test_ctx_1_what_an_endpoint_binds_is_on_the_access_line(how: str) -> None:
    """Also through a BaseHTTPMiddleware, which hides context variables."""
    app = configured(FastAPI())
    app.middleware("http")(pass_on)

    @app.get("/")
    async def index() -> None:
        bind(user_id=7)

    _, seen = visit(app, how, "/")

    assert [7] == [line["user_id"] for line in seen.events("request")]


def test_ctx_1_the_package_has_no_base_http_middleware() -> None:
    """Ours are plain ASGI: none derives from Starlette's class, in stack or source."""
    app = configured(FastAPI())
    assert steadfastapi.__file__ is not None
    sources = Path(steadfastapi.__file__).parent.rglob("*.py")

    assert [] == [cls for cls in built(app) if issubclass(cls, BaseHTTPMiddleware)]
    assert [] == [file for file in sources if "(BaseHTTPMiddleware" in file.read_text()]


@on_both
def test_ctx_2_what_a_sync_dependency_binds_is_seen_by_all(how: str) -> None:
    """It runs in a copied context, and still endpoint and access line have it."""
    app = configured(FastAPI())

    def tenant() -> None:
        bind(tenant="acme")

    @app.get("/async", dependencies=[Depends(tenant)])
    async def seen_by_async() -> object:
        exchange = current_exchange()
        return exchange and exchange.fields

    @app.get("/sync", dependencies=[Depends(tenant)])
    def seen_by_sync() -> object:
        exchange = current_exchange()
        return exchange and exchange.fields

    with capture(app) as seen, driven(app, how) as client:
        bodies = [client.request("GET", path).json() for path in ("/async", "/sync")]

    assert [{"tenant": "acme"}] * 2 == bodies
    assert ["acme"] * 2 == [line["tenant"] for line in seen.events("request")]


@pytest.mark.parametrize("wrapped", [False, True])
def test_ctx_3_background_tasks_outlive_the_connection(wrapped: bool) -> None:
    """The response is complete first; async and sync tasks end after a disconnect."""
    app = configured(FastAPI())
    if wrapped:
        app.middleware("http")(pass_on)
    release, ended = asyncio.Event(), [threading.Event(), threading.Event()]

    async def first() -> None:
        await release.wait()
        ended[0].set()

    @app.get("/")
    async def index(tasks: BackgroundTasks) -> str:
        tasks.add_task(first)
        tasks.add_task(ended[1].set)
        return "ok"

    @app.get("/release")
    async def let_go() -> None:
        release.set()

    with capture(app) as seen, LiveServer(app) as server:
        answer = raw_request(server.host, server.port, GET % b"/")
        early = [event.is_set() for event in ended]
        raw_request(server.host, server.port, GET % b"/release")
        late = [event.wait(5) for event in ended]

    assert b'"ok"' == parse_response(answer).body
    assert [False, False] == early
    assert [True, True] == late
    assert ["ok", "ok"] == [exchange.outcome for exchange in seen.exchanges]


def test_ctx_4_configure_on_a_built_stack_says_why_and_what_to_do() -> None:
    """In the lifespan it is too late: one error names the cause and the fix."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        configure(app)
        yield

    app = FastAPI(title="shop", lifespan=lifespan)
    with pytest.raises(AlreadyConfiguredError) as caught, TestClient(app):
        pass

    expected = (
        "'shop' has already started, and its middleware is built. Call "
        "configure(app) where the application is created, not in its lifespan."
    )
    assert [expected] == caught.value.problems


@pytest.mark.parametrize("moment", ["before", "after", "around"])
def test_ctx_5_the_order_holds_whenever_middleware_is_added(moment: str) -> None:
    """The user's stands between our outer and inner pieces, before or after us."""
    app = FastAPI()
    if moment in {"before", "around"}:
        app.add_middleware(GZipMiddleware)
    if moment == "before":
        app.add_middleware(CORSMiddleware, allow_origins=["*"])
    configured(app)
    if moment in {"after", "around"}:
        app.add_middleware(CORSMiddleware, allow_origins=["*"])
    if moment == "after":
        app.add_middleware(GZipMiddleware)
    names = [cls.__name__ for cls in built(app)]
    start = names.index("ExchangeMiddleware")

    users = ["CORSMiddleware", "GZipMiddleware"]
    expected = users[::-1] if moment == "after" else users
    assert [
        "ExchangeMiddleware",
        "ErrorBoundary",
        *expected,
        "ErrorBoundary",
        "LimitMiddleware",
        "ExceptionMiddleware",
    ] == names[start : start + 7]


@on_both
def test_ctx_5_late_cors_reaches_our_errors(how: str) -> None:
    """A 500 has the headers of CORS middleware that was added after `configure`."""
    app = configured(FastAPI())
    app.add_middleware(CORSMiddleware, allow_origins=["https://shop.example"])

    @app.get("/")
    def crash() -> None:
        raise ValueError

    with driven(app, how) as client:
        response = client.request(
            "GET", "/", headers={"Origin": "https://shop.example"}
        )

    assert 500 == response.status_code
    assert "https://shop.example" == response.headers["access-control-allow-origin"]
    assert 1 == len(response.headers.get_list("x-request-id"))


OFF: dict[str, Any] = {"tracing": False, "sentry": False, "limits": False}


class Clumsy:
    """A layer whose middleware does not know its arguments."""

    name = "clumsy"

    def contribute(self, plan: Plan) -> None:
        """Ask for CORS with a typing error."""
        plan.piece("limits", CORSMiddleware, allow_origin=["*"])


def test_ctx_6_bad_settings_fail_at_once_and_never_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A constructor refuses its own; `configure` the rest, all in one error."""
    with pytest.raises(ConfigurationError):
        Logs(level="loud")
    monkeypatch.setenv("STEADFAST_LOGS_SLOW_AFTER", "-1")
    monkeypatch.setenv("STEADFAST_LOGS_LEVLE", "INFO")
    app = FastAPI()
    app.add_api_route("/", lambda: "ok")
    with pytest.raises(ConfigurationError) as caught:
        configure(app, **OFF, metric=False, extra=[Clumsy()])  # type: ignore[arg-type]

    assert 4 == len(caught.value.problems)
    assert [] == app.user_middleware
    with TestClient(app) as client:
        assert "ok" == client.get("/").json()


@on_both
def test_ctx_10_the_handler_of_a_500_knows_the_request_id(how: str) -> None:
    """Header, log lines, Sentry event and the user's handler have one id."""
    app = configured(FastAPI(), sentry=Sentry(dsn="http://public@127.0.0.1:9/1"))
    known: list[str] = []

    @app.get("/")
    def crash() -> None:
        raise ValueError

    @app.exception_handler(Exception)
    async def answer(request: Request, exc: Exception) -> JSONResponse:
        exchange = current_exchange()
        assert exchange is not None
        known.append(exchange.id)
        return JSONResponse({"detail": "sorry"}, status_code=500)

    with capture(app) as seen, driven(app, how) as client:
        response = client.request("GET", "/")
        ids = response.headers.get_list("x-request-id")

    assert (500, {"detail": "sorry"}) == (response.status_code, response.json())
    assert ids == known
    assert ids == [line["request_id"] for line in seen.events("unhandled error")]
    assert ids == [line["request_id"] for line in seen.events("request")]
    assert ids == [event["tags"]["request_id"] for event in seen.sentry_events]


@on_both
def test_ctx_10_the_body_of_a_500_stays_constant(how: str) -> None:
    """The id is in the header, not in the body."""
    app = configured(FastAPI())

    @app.get("/")
    def crash() -> None:
        raise ValueError

    with driven(app, how) as client:
        response = client.request("GET", "/", headers={"X-Request-ID": "from-outside"})

    assert {"detail": "Internal server error"} == response.json()
    assert ["from-outside"] == response.headers.get_list("x-request-id")

"""CONTRACT: what goes wrong with errors elsewhere, and must not here."""

import json
import re
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from pydantic import SecretStr
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.testclient import TestClient

from steadfastapi import Sentry, configure
from steadfastapi.testing import capture
from support.asgi import App, Receive, Scope, Send
from support.payments import BODIES, CANARY, pay
from support.places import (
    ORIGIN,
    direct,
    host,
    included,
    mounted,
    mounted_middleware,
    mounted_twice,
    starlette,
    with_cors,
)
from support.raw import parse_response, raw_request
from support.sentry import SentryReceiver
from support.server import LiveServer
from support.watch import ask, header, watched

CRASH = b'{"detail":"Internal server error"}'
HAS_BODY_LIMIT = hasattr(FastAPI(), "max_body_size")


class Server:
    """Notes what a server gets from the application."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.raised: list[BaseException] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on."""
        try:
            await self.app(scope, receive, send)
        except Exception as error:
            self.raised.append(error)
            raise


def test_contract_1_a_crash_is_json_through_all_middleware_and_still_raised() -> None:
    """An unhandled error has constant JSON, id and CORS; the server gets it too."""
    app, error = with_cors(FastAPI()), ValueError("secret")
    path = direct(app, error)
    server = Server(app)
    with SentryReceiver() as sentry:
        watch = watched(app, sentry=Sentry(dsn=SecretStr(sentry.dsn)))
        with LiveServer(server) as live:
            request = f"GET {path} HTTP/1.1\r\nHost: a\r\nOrigin: {ORIGIN}\r\n\r\n"
            answer = parse_response(raw_request(live.host, live.port, request.encode()))
        [event] = sentry.wait_for_events(1)

    assert (500, CRASH) == (answer.status, answer.body)
    assert [b"application/json"] == answer.values(b"content-type")
    assert [ORIGIN.encode()] == answer.values(b"access-control-allow-origin")
    assert [watch.exchanges[0].id.encode()] == answer.values(b"x-request-id")
    assert [error] == server.raised
    assert [error] == watch.errors
    assert ["ValueError"] == [one["type"] for one in event["exception"]["values"]]
    with TestClient(app) as client, pytest.raises(ValueError, match="secret"):
        client.get(path)


@pytest.mark.parametrize("early", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("key", [Exception, 500])
@pytest.mark.parametrize("kind", ["async", "sync"])
def test_contract_2_the_users_handler_of_crashes_answers_once(
    key: Any, kind: str, early: bool
) -> None:
    """Its response is sent, with our headers, wherever `configure` is called."""
    app, error, calls = with_cors(FastAPI()), ValueError("a"), list[Exception]()
    path = direct(app, error)

    def sync(request: Request, exc: Exception) -> Response:
        calls.append(exc)
        return JSONResponse({"mine": type(exc).__name__}, 503)

    async def coroutine(request: Request, exc: Exception) -> Response:
        return sync(request, exc)

    if early:
        app.add_exception_handler(key, coroutine if kind == "async" else sync)
    watch = watched(app)
    if not early:
        app.add_exception_handler(key, coroutine if kind == "async" else sync)

    result = ask(app, "GET", path, headers=[("Origin", ORIGIN)])

    assert (503, b'{"mine":"ValueError"}') == (result.status, result.body)
    assert [ORIGIN] == header(result, "access-control-allow-origin")
    assert [watch.exchanges[0].id] == header(result, "x-request-id")
    assert [error] == calls
    assert [error] == watch.errors
    assert error is result.exception


@pytest.mark.parametrize(
    "place",
    [mounted, mounted_twice, mounted_middleware, starlette, host],
    ids=lambda place: place.__name__,
)
def test_contract_3_mounted_applications_answer_in_contract(place: Any) -> None:
    """A mounted application's crash is JSON, reported once, and still raised."""
    app, error = with_cors(FastAPI()), ValueError("secret")
    path = place(app, error)
    watch = watched(app)

    result = ask(
        app, "GET", path, headers=[("Host", "api.shop.example"), ("Origin", ORIGIN)]
    )

    assert (500, CRASH) == (result.status, result.body)
    assert [ORIGIN] == header(result, "access-control-allow-origin")
    assert [watch.exchanges[0].id] == header(result, "x-request-id")
    assert [error] == watch.errors
    assert error is result.exception


def _mount_in_a_router() -> tuple[FastAPI, str]:
    app, router, sub = FastAPI(), APIRouter(), FastAPI()
    path = included(sub, ValueError("secret"))
    router.mount("/m", sub)
    app.include_router(router, prefix="/q")
    return app, f"/q/m{path}"


def test_contract_3_a_mount_inside_an_included_router_answers_in_contract() -> None:
    """Where FastAPI serves such a mount its crash is JSON, elsewhere the 404 is."""
    bare, path = _mount_in_a_router()
    status = ask(bare, "GET", path).status  # 404 below FastAPI 0.137
    app, path = _mount_in_a_router()
    watched(app)

    result = ask(app, "GET", path)

    detail = {404: "Not Found", 500: "Internal server error"}
    assert status == result.status
    assert {"detail": detail[result.status or 0]} == json.loads(result.body)
    assert 1 == len(header(result, "x-request-id"))


def test_contract_3_the_plan_lists_every_mount() -> None:
    """Each mount is shown as covered, or as one whose answers stay its own."""
    app = FastAPI()

    async def foreign(scope: Scope, receive: Receive, send: Send) -> None:
        """Answer somehow."""

    app.mount("/ours", FastAPI())
    app.mount("/theirs", foreign)
    stack = configure(app, tracing=False, sentry=False)

    mounts = dict(re.findall(r"│ (/\w+) +│ \w+ +│ (.+?) +│", str(stack)))

    assert {"/ours": "covered", "/theirs": "its unhandled errors only"} == mounts


BIG = b'{"name": "' + b"a" * 100 + b'"}'
DECLARED = [("Content-Length", str(len(BIG)))]
OVERSIZED = [
    ("/app", DECLARED),
    ("/app", []),
    ("/app/deaf", DECLARED),
    ("/m/app", DECLARED),
    ("/m/app", []),
    ("/m/app/deaf", DECLARED),
    ("/router/app", DECLARED),
    ("/router/app", []),
    ("/router/app/deaf", DECLARED),
]
"""Paths and headers; a deaf endpoint never reads the body."""


@pytest.mark.skipif(not HAS_BODY_LIMIT, reason="this FastAPI has no body limit")
@pytest.mark.parametrize(("path", "headers"), OVERSIZED)
def test_contract_4_an_oversized_body_is_refused_as_json(
    path: str, headers: list[tuple[str, str]]
) -> None:
    """Each body limit answers 413 in contract, and nobody takes it for an error."""
    limit: dict[str, Any] = {"max_body_size": 50}
    app, sub, router = FastAPI(), FastAPI(), APIRouter(**limit)
    for each in (app, sub, router):
        each.add_api_route("/app", _first, methods=["POST"])
        each.add_api_route("/app/deaf", lambda: "ok", methods=["POST"])
    app.include_router(router, prefix="/router")
    app.mount("/m", sub)
    if not path.startswith("/router"):
        app.max_body_size = 50
    noted: list[Server] = []

    def user(app: App) -> App:
        noted.append(Server(app))
        return noted[-1]

    app.add_middleware(user)
    watch = watched(with_cors(app))

    with capture(app) as seen:
        result = ask(
            app,
            "POST",
            path,
            headers=[("Origin", ORIGIN), *headers],
            body=[BIG[:40], BIG[40:]],
        )

    assert (413, b'{"detail":"Content Too Large"}') == (result.status, result.body)
    assert ["application/json"] == header(result, "content-type")
    assert [ORIGIN] == header(result, "access-control-allow-origin")
    assert [watch.exchanges[0].id] == header(result, "x-request-id")
    assert ["client_error"] == [exchange.outcome for exchange in watch.exchanges]
    assert ["info"] == [line["level"] for line in seen.logs]
    assert [[]] == [server.raised for server in noted]
    assert result.exception is None


async def _first(body: dict[str, Any]) -> str:
    return str(body)


@pytest.mark.parametrize("kind", [HTTPException, StarletteHTTPException])
def test_contract_5_either_http_exception_keeps_its_headers(kind: Any) -> None:
    """Both classes are answered alike, on a route and where no route matched."""
    app = FastAPI()
    path = direct(app, kind(401, "Who?", {"WWW-Authenticate": "Bearer"}))
    watched(app)

    result = ask(app, "GET", path)
    unmatched = ask(app, "GET", "/nowhere")

    assert (401, b'{"detail":"Who?"}') == (result.status, result.body)
    assert ["Bearer"] == header(result, "www-authenticate")
    assert (404, b'{"detail":"Not Found"}') == (unmatched.status, unmatched.body)


@pytest.mark.parametrize("status", [204, 205, 304])
def test_contract_5_a_status_without_body_has_none(status: int) -> None:
    """An HTTPException of a bodiless status sends its headers and nothing else."""
    app = FastAPI()
    path = direct(app, HTTPException(status, "ignored", {"ETag": '"a"'}))
    watched(app)

    result = ask(app, "GET", path)

    assert (status, b"") == (result.status, result.body)
    assert ['"a"'] == header(result, "etag")
    assert [] == header(result, "content-type")


@pytest.mark.parametrize("detail", [{"code": 7}, ["a", 1], "text", {"n": None}, [], 0])
def test_contract_5_any_json_detail_is_unchanged(detail: Any) -> None:
    """What the application put into `detail` is what the client reads."""
    app = FastAPI()
    path = direct(app, HTTPException(409, detail))
    watched(app)

    assert {"detail": detail} == json.loads(ask(app, "GET", path).body)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("prefix", ["", "/m"], ids=["app", "mount"])
def test_contract_6_a_422_never_echoes_what_was_sent(prefix: str, body: Any) -> None:
    """Entries say where and why, and hold nothing of body, path, header or query."""
    app, sub = FastAPI(), FastAPI()
    for each in (app, sub):
        each.post("/pay/{number}")(pay)
    app.mount("/m", sub)
    watched(app)

    with capture(app) as seen:
        result = ask(
            app,
            "POST",
            f"{prefix}/pay/{CANARY}?page={CANARY}",
            headers=[("Content-Type", "application/json"), ("X-Age", CANARY)],
            body=json.dumps(body).encode(),
        )

    entries = json.loads(result.body)["detail"]
    places = {tuple(entry["loc"][:2]) for entry in entries}
    assert 422 == result.status
    assert {("path", "number"), ("query", "page"), ("header", "x-age")} < places
    assert all({"type", "loc", "msg"} == set(entry) for entry in entries)
    assert CANARY not in result.body.decode()
    assert 1 == len(seen.log_lines)

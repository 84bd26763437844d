"""What Sentry gets wrong by itself; each test is named after its trap."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import anyio
import httpx2
import pytest
import sentry_sdk
import structlog
from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel
from sentry_sdk.integrations.logging import LoggingIntegration
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint

from sentry.harness import answer, configured, delivered, own_client, raised, sentried
from steadfastapi.sentry import capture, hook
from steadfastapi.testing import internal_errors
from support.canaries import Canaries, raise_with_all
from support.server import LiveServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.responses import Response

    from support.sentry import SentryReceiver

log = logging.getLogger("shop")


class CrashError(Exception):
    """An error of the application."""


def crash() -> None:
    """Fail, as an endpoint."""
    raise CrashError("the till is empty")


def _log_and_raise() -> None:
    try:
        crash()
    except CrashError:
        log.exception("about to fail")
        raise


def _handler(app: FastAPI) -> None:
    @app.exception_handler(CrashError)
    async def handle(request: Request, exc: CrashError) -> JSONResponse:
        return JSONResponse({"detail": "sorry"}, status_code=500)

    app.get("/crash")(crash)


def _middleware(app: FastAPI) -> None:
    class Swallow(BaseHTTPMiddleware):
        async def dispatch(
            self, request: Request, call_next: RequestResponseEndpoint
        ) -> Response:
            try:
                return await call_next(request)
            except CrashError:
                return JSONResponse({"detail": "sorry"}, status_code=500)

    app.add_middleware(Swallow)
    app.get("/crash")(crash)


def _route_class(app: FastAPI) -> None:
    class Swallowing(APIRoute):
        def get_route_handler(self) -> Callable[..., Any]:
            inner = super().get_route_handler()

            async def handler(request: Request) -> Response:
                try:
                    return await inner(request)
                except CrashError:
                    return JSONResponse({"detail": "sorry"}, status_code=500)

            return handler

    router = APIRouter(route_class=Swallowing)
    router.get("/crash")(crash)
    app.include_router(router)


@pytest.mark.parametrize("swallowed_by", [_handler, _middleware, _route_class])
def test_sentry_1_a_5xx_is_one_event_whoever_swallows_the_exception(
    swallowed_by: Callable[[FastAPI], None],
) -> None:
    """An error that somebody turns into a 500 reaches Sentry exactly once."""
    with sentried() as (app, receiver):
        swallowed_by(app)

        assert 500 == answer(app, "GET", "/crash").status
        (event,) = delivered(receiver)
        assert ("error", "GET /crash") == (event["level"], event["transaction"])
        assert "500" == event["tags"]["http_status"]


def test_sentry_2_5xx_and_conflicts_are_sent_and_no_other_4xx() -> None:
    """Every 5xx is one event, 409 is one warning; 422, 404 and the rest are none."""
    with sentried() as (app, receiver):

        @app.get("/status/{code}")
        def status(code: int) -> None:
            raise HTTPException(code)

        for code in (400, 401, 403, 404, 409, 418, 422, 429, 500, 502, 503):
            assert code == answer(app, "GET", f"/status/{code}").status
        assert 422 == answer(app, "GET", "/status/nan").status
        assert 404 == answer(app, "GET", "/nowhere").status

        sent = [(e["tags"]["http_status"], e["level"]) for e in delivered(receiver)]
        errors = [("500", "error"), ("502", "error"), ("503", "error")]
        assert [("409", "warning"), *errors] == sent


@pytest.mark.parametrize("logged_by", ["the handler", "handler and endpoint"])
def test_sentry_3_an_error_that_a_handler_logs_stays_unhandled(logged_by: str) -> None:
    """An error that a handler logs, or the endpoint before it, is unhandled, once."""
    with sentried() as (app, receiver):
        app.get("/crash")(crash if logged_by == "the handler" else _log_and_raise)

        @app.exception_handler(Exception)
        async def handle(request: Request, exc: Exception) -> JSONResponse:
            log.error("it crashed", exc_info=exc)
            return JSONResponse({"detail": "sorry"}, status_code=500)

        answer(app, "GET", "/crash")
        (event,) = delivered(receiver)
        mechanism = raised(event)["mechanism"]
        assert ("steadfastapi", False) == (mechanism["type"], mechanism["handled"])


@contextmanager
def _client(whose: str, **layers: Any) -> Iterator[tuple[FastAPI, SentryReceiver]]:
    """Sentry initialised by `configure`, or by the application with SDK defaults."""
    if whose == "ours":
        with sentried(layers) as found:
            yield found
    else:
        with own_client(integrations=[LoggingIntegration()]) as receiver:
            yield configured(**layers), receiver


@pytest.mark.parametrize("whose", ["ours", "the application's"])
def test_sentry_4_logging_and_raising_again_is_one_event_sync_and_async(
    whose: str,
) -> None:
    """A logged and re-raised error is one event, from a thread as from the loop."""
    with _client(whose) as (app, receiver):
        app.get("/sync")(_log_and_raise)

        @app.get("/async")
        async def asynchronous() -> None:
            _log_and_raise()

        answer(app, "GET", "/sync")
        answer(app, "GET", "/async")
        sent = [event["transaction"] for event in delivered(receiver)]
        assert ["GET /sync", "GET /async"] == sent


@pytest.mark.parametrize("logs", [None, False])
@pytest.mark.parametrize("whose", ["ours", "the application's"])
def test_sentry_5_the_servers_own_error_line_is_no_second_event(
    whose: str, logs: bool | None
) -> None:
    """Under a real uvicorn, which logs each exception again, an error is one event."""
    with _client(whose, logs=logs) as (app, receiver):
        app.get("/crash")(crash)
        with LiveServer(app) as server:
            assert 500 == httpx2.get(f"{server.url}/crash").status_code
            server.stop()

        (event,) = delivered(receiver)
        assert "CrashError" == raised(event)["type"]


def test_sentry_6_the_detail_is_kept_and_the_users_hook_still_runs() -> None:
    """Detail and status arrive as the client got them; the user's hook sees both."""
    seen: list[Any] = []

    def mine(event: dict[str, Any], hint: dict[str, Any]) -> dict[str, Any]:
        seen.append(event["extra"]["http_exception_detail"])
        event["tags"]["team"] = "checkout"
        return event

    with sentried(before_send=mine) as (app, receiver):
        detail = {"code": "user_exists", "fields": ["email"]}

        @app.get("/text")
        def text() -> None:
            raise HTTPException(409, "User already exists")

        @app.get("/structure")
        async def structure() -> None:
            raise HTTPException(503, detail)

        answer(app, "GET", "/text")
        answer(app, "GET", "/structure")
        first, second = delivered(receiver)

        assert "User already exists" == first["extra"]["http_exception_detail"]
        assert (409, "409") == (
            first["extra"]["status_code"],
            first["tags"]["http_status"],
        )
        assert detail == second["extra"]["http_exception_detail"]
        assert ["User already exists", detail] == seen
        assert "checkout" == second["tags"]["team"]


def test_sentry_7_the_transaction_is_the_full_template() -> None:
    """Prefixes of routers and mounts are part of the transaction and the route tag."""
    with sentried() as (app, receiver):
        inner, outer, mounted = APIRouter(prefix="/b"), APIRouter(), FastAPI()
        inner.get("/{x}")(crash)
        outer.include_router(inner, prefix="/p")
        app.include_router(outer)
        mounted.get("/c/{z}")(crash)
        mounted.include_router(inner, prefix="/sr")
        app.mount("/m/{tenant}", mounted)

        @app.get("/conflict/{x}")
        async def conflict(x: int) -> None:
            raise HTTPException(409)

        for path in ("/p/b/1", "/m/acme/c/2", "/m/acme/sr/b/3", "/conflict/4"):
            answer(app, "GET", path)

        routes = ["/p/b/{x}", "/m/{tenant}/c/{z}", "/m/{tenant}/sr/b/{x}"]
        routes += ["/conflict/{x}"]
        events = delivered(receiver)
        assert [f"GET {route}" for route in routes] == [
            e["transaction"] for e in events
        ]
        assert routes == [event["tags"]["route"] for event in events]


def test_sentry_8_the_chain_has_no_noise_of_anyio() -> None:
    """What anyio raised in passing is not part of the chain; real causes are."""
    with sentried() as (app, receiver):

        @app.get("/chained")
        async def chained() -> None:
            send, receive = anyio.create_memory_object_stream[int](1)
            try:
                with send, receive:
                    receive.receive_nowait()
            except anyio.WouldBlock:
                try:
                    raise KeyError("cause")
                except KeyError:
                    crash()

        answer(app, "GET", "/chained")
        (event,) = delivered(receiver)
        chain = [value["type"] for value in event["exception"]["values"]]
        assert ["KeyError", "CrashError"] == chain


class Account(BaseModel):
    """A body with secrets."""

    user: str
    password: str
    account: dict[str, Any]


def test_sentry_9_no_secret_leaves() -> None:
    """None of the 14 canaries is in any envelope; the SDK alone sends all of them."""
    canaries = Canaries()

    def endpoint(request: Request, body: Account) -> None:
        headers, pairs = dict(request.headers), request.headers.items()
        log.warning("headers are %s", headers, extra={"headers": pairs})
        structlog.get_logger().info("body", body=body.model_dump(), pairs=pairs)
        sentry_sdk.set_extra("headers", pairs)
        sentry_sdk.set_context("request", {"headers": headers, "body": repr(body)})
        sentry_sdk.set_tag("url", str(request.url))
        raise_with_all(canaries, headers, pairs, request.url, body)

    def alone(request: Request, body: Account) -> None:
        try:
            endpoint(request, body)
        except Exception as error:
            sentry_sdk.capture_exception(error)

    with own_client() as receiver:
        bare = FastAPI()
        bare.post("/login")(alone)
        _post(bare, canaries)
        receiver.wait_for_events(1)
        assert canaries.values().keys() == canaries.find(receiver.raw()).keys()
    with sentried() as (app, receiver):
        app.post("/login")(endpoint)
        _post(app, canaries)
        (event,) = delivered(receiver)
        assert ["shop", "structlog"] == [
            crumb["category"] for crumb in event["breadcrumbs"]["values"]
        ]
        assert {} == canaries.find(receiver.raw())


def _post(app: FastAPI, canaries: Canaries) -> None:
    request = httpx2.Request("POST", "http://shop/login", **canaries.request_kwargs())
    answer(
        app,
        "POST",
        request.url.raw_path.decode(),
        headers=request.headers.raw,
        body=request.read(),
    )


def _raising(event: dict[str, Any], hint: dict[str, Any]) -> dict[str, Any]:
    event["extra"] = "broken by a hook"
    raise ZeroDivisionError


def _junk(event: dict[str, Any], hint: dict[str, Any]) -> Any:
    return ["junk"]


@pytest.mark.parametrize("theirs", [None, _raising, _junk])
@pytest.mark.parametrize("ours", [None, "complete", "safe_event", "trusted"])
def test_sentry_10_an_event_survives_every_failing_hook(
    monkeypatch: pytest.MonkeyPatch, theirs: Any, ours: str | None
) -> None:
    """Whatever our hook or the user's does, a scrubbed event arrives and it counts."""

    def fail(*_: Any) -> None:
        raise ZeroDivisionError

    if ours is not None:
        monkeypatch.setattr(hook, ours, fail)
    with internal_errors() as errors, sentried(before_send=theirs) as (app, receiver):

        @app.get("/conflict")
        async def conflict() -> None:
            raise HTTPException(409, "taken, token=hunter2hunter2")

        answer(app, "GET", "/conflict")
        (event,) = delivered(receiver)

        assert "HTTPException" == raised(event)["type"]
        assert "hunter2" not in receiver.raw()
        assert (ours is not None) == (errors["sentry.hook"] == 1)
        assert (theirs is not None) == (errors["sentry.before_send"] == 1)
        if ours in (None, "safe_event", "trusted") and theirs is not _raising:
            assert "taken, token=[redacted]" == event["extra"]["http_exception_detail"]
            assert "409" == event["tags"]["http_status"]


def test_sentry_11_ten_megabytes_of_text_are_a_small_event(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A huge exception is at most 64 KiB on the wire and 10 ms of CPU."""
    seconds: list[float] = []
    send = capture._send

    def timed(*arguments: Any) -> None:
        start = time.thread_time()
        send(*arguments)
        seconds.append(time.thread_time() - start)

    monkeypatch.setattr(capture, "_send", timed)
    with sentried() as (app, receiver):
        texts = ["x" * 10_000_000, "日" * 10_000_000, "token=secret " * 800_000]

        @app.get("/huge/{which}")
        async def huge(which: int) -> None:
            raise CrashError(texts[which])

        for which in range(len(texts)):
            seconds.clear()
            for _ in range(5):  # the first one reads the source files
                answer(app, "GET", f"/huge/{which}")
            assert min(seconds) <= 0.010

        assert 5 * len(texts) == len(delivered(receiver))
        assert max(len(request.body) for request in receiver.received) <= 64 * 1024

"""LIMIT-1 to LIMIT-6, LIMIT-10, LIMIT-11, LIMIT-16: what rate limits must not do.

No test here lets slowapi decide: its own checks raise (LIMIT-16).
"""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
import slowapi
import slowapi.middleware
from fastapi import APIRouter, Depends, FastAPI, Request, WebSocket
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse
from slowapi.errors import RateLimitExceeded
from slowapi.util import get_remote_address
from starlette.middleware.cors import CORSMiddleware

from steadfastapi import Limiter, Limits
from steadfastapi.testing import capture
from support.asgi import AsgiValidator, Message, call
from support.drive import driven, on_both
from support.limited import (
    answers,
    header,
    headers,
    last,
    limited,
    statuses,
)

OVER = b'{"detail":"Rate limit exceeded: 2 per 1 minute. Please slow down."}'


pytestmark = pytest.mark.usefixtures("slowapi_decides_nothing")


def everywhere(limiter: Limiter) -> FastAPI:
    """Build an application with one limited route of each kind."""
    app, mounted = FastAPI(), FastAPI()
    inner, outer = APIRouter(prefix="/inner"), APIRouter(prefix="/outer")

    @limiter.limit("2/minute")
    async def endpoint(x: str = "") -> dict[str, str]:
        return {"x": x}

    @inner.websocket("/ws/{x}")
    @limiter.limit("2/minute")
    async def websocket(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close()

    for router in (app.router, inner, mounted.router):
        router.add_api_route("/a/{x}", endpoint)
    outer.include_router(inner)
    mounted.include_router(inner)
    app.include_router(inner)
    app.include_router(outer, prefix="/p")
    app.mount("/m", mounted)
    return app


PLACES = (
    "/a/{x}",
    "/inner/a/{x}",
    "/p/outer/inner/a/{x}",
    "/m/a/{x}",
    "/m/inner/a/{x}",
    "WEBSOCKET /inner/ws/{x}",
    "WEBSOCKET /p/outer/inner/ws/{x}",
    "WEBSOCKET /m/inner/ws/{x}",
)


@pytest.mark.parametrize("place", PLACES)
def test_limit_1_every_kind_of_route_is_limited(place: str, limiter: Limiter) -> None:
    """Two pass and two do not; the template is the one that the records have."""
    app = limited(everywhere(limiter))
    targets = [place.replace("{x}", str(number)) for number in range(4)]
    with capture(app) as seen:
        found = statuses(app, *targets)

    passed = 101 if place.startswith("WEBSOCKET") else 200
    assert [passed, passed, 429, 429] == found
    template = place.rpartition(" ")[2]
    assert [template] * 4 == [exchange.route for exchange in seen.exchanges]
    assert [2, 2] == [
        seen.metric("rate_limit_decisions_total", handler=template, decision=one)
        for one in ("allowed", "denied")
    ]
    assert ["ok", "ok", "limited", "limited"] == [
        exchange.outcome for exchange in seen.exchanges
    ]


def test_limit_1_places_do_not_share_a_bucket(limiter: Limiter) -> None:
    """One endpoint under several templates is limited under each."""
    app = limited(everywhere(limiter))
    targets = [place for place in PLACES for _ in range(2)]

    assert 429 not in statuses(app, *targets)


@on_both
def test_limit_1_holds_under_a_real_server(how: str, limiter: Limiter) -> None:
    """Also where the client is a socket."""
    app = limited(everywhere(limiter))
    with driven(app, how) as client:
        found = [
            client.request("GET", f"/p/outer/inner/a/{number}").status_code
            for number in range(3)
        ]

    assert [200, 200, 429] == found


def test_limit_2_path_parameters_share_a_bucket(limiter: Limiter) -> None:
    """Eight items, three passes."""
    app = FastAPI()
    app.get("/i/{x}")(limiter.limit("3/minute")(lambda x: x))
    targets = [f"/i/{number}" for number in range(8)]

    assert [200] * 3 + [429] * 5 == statuses(limited(app), *targets)


def test_limit_2_unmatched_paths_share_one_bucket() -> None:
    """Whatever the path, the method, or the mount that has no such route."""
    app = FastAPI()
    app.get("/i")(lambda: "ok")
    app.mount("/m", FastAPI())
    limited(app, limits=Limits(default=("3/minute",)))
    targets = ["/a", "/b", "/m/c", "POST /i", "/d", "PROPFIND /e", "/m/f", "/i/"]

    assert [404, 404, 404, *[429] * 5] == statuses(app, *targets)
    assert [200] == statuses(app, "/i")


def test_limit_2_same_named_handlers_do_not_share(limiter: Limiter) -> None:
    """Two functions of one name have a limit each."""
    app = FastAPI()
    for path in ("/a", "/b"):

        @app.get(path)
        @limiter.limit("1/minute")
        def handler() -> str:
            return "ok"

    assert [200, 200, 429, 429] == statuses(limited(app), "/a", "/b", "/a", "/b")


def test_limit_3_an_empty_key_is_the_client_address() -> None:
    """A key function that finds nothing does not switch the limit off."""
    app = FastAPI()
    limiter = Limiter(key_func=lambda request: request.headers.get("x-user", ""))
    app.get("/a")(limiter.limit("2/minute")(lambda: "ok"))
    limited(app)

    assert [200, 200, 429] == statuses(app, *["/a"] * 3)
    assert [200] == statuses(app, "/a", headers=[("x-user", "ada")])
    other = {"client": ("192.0.2.7", 1)}
    assert [200] == statuses(app, "/a", scope=other)


async def chunks() -> AsyncIterator[bytes]:
    """Send a chunk, and the next one after a while."""
    yield b"a"
    await asyncio.sleep(0.3)
    yield b"b"
    yield b"c"


def test_limit_4_streams_start_once_and_are_not_delayed(limiter: Limiter) -> None:
    """One start, every chunk, the first byte before the second is made."""
    app = FastAPI()

    @app.get("/s")
    @limiter.limit("2/minute")
    def stream() -> StreamingResponse:
        return StreamingResponse(chunks(), media_type="text/event-stream")

    limited(app)
    times: list[float] = []

    async def timed(scope: Any, receive: Any, send: Any) -> None:
        async def sent(message: Message) -> None:
            times.append(time.perf_counter())
            await send(message)

        await AsgiValidator(app)(scope, receive, sent)

    result = anyio.run(call, timed, "GET", "/s")
    types = [message["type"] for message in result.messages]

    assert 1 == types.count("http.response.start")
    assert b"abc" == result.body
    assert times[2] - times[1] > 0.2
    assert header(result, "ratelimit") is not None


def test_limit_4_a_websocket_talks_as_before(limiter: Limiter) -> None:
    """Frames go both ways."""
    app = FastAPI()

    @app.websocket("/ws")
    @limiter.limit("1/minute")
    async def echo(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(await websocket.receive_text())
        await websocket.close(4000)

    result = last(limited(app), "WEBSOCKET /ws", incoming=["hello"])

    assert ["websocket.accept", "websocket.send", "websocket.close"] == [
        message["type"] for message in result.messages
    ]
    assert "hello" == result.messages[1]["text"]
    assert 4000 == result.close_code


def test_limit_5_the_body_is_the_contracts(limiter: Limiter) -> None:
    """Also where a tutorial's line registers slowapi's own handler."""
    for stock in (False, True):
        app = FastAPI()
        app.get("/a")(limiter.limit("2/minute")(lambda: "ok"))
        if stock:
            app.state.limiter = limiter
            handler: Any = slowapi._rate_limit_exceeded_handler
            app.add_exception_handler(RateLimitExceeded, handler)
        result = last(limited(app), *["/a"] * 3)

        assert (429, OVER) == (result.status, result.body)


@pytest.mark.parametrize("target", ["/a", "/nowhere", "WEBSOCKET /ws"])
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_limit_5_handlers_of_the_application_are_honoured(
    kind: str, target: str, limiter: Limiter
) -> None:
    """Sync and async ones, for routes, unknown paths and WebSockets."""
    app = FastAPI()
    app.get("/a")(limiter.limit("1/minute")(lambda: "ok"))

    @app.websocket("/ws")
    @limiter.limit("1/minute")
    async def websocket(websocket: WebSocket) -> None:
        await websocket.close()

    def sync(request: Request, exc: RateLimitExceeded) -> JSONResponse:
        return JSONResponse({"detail": f"mine: {exc.detail}"}, 429)

    async def asynchronous(request: Request, exc: RateLimitExceeded) -> JSONResponse:
        return sync(request, exc)

    handler: Any = sync if kind == "sync" else asynchronous
    app.add_exception_handler(RateLimitExceeded, handler)
    limited(app, limits=Limits(default=("1/minute",)))
    result = last(app, target, target)

    assert 429 == result.status
    assert b'{"detail":"mine: 1 per 1 minute"}' == result.body
    assert header(result, "retry-after") == "60"


def test_limit_6_headers_are_on_any_endpoint(limiter: Limiter) -> None:
    """On a dictionary too; `Retry-After` only on what is refused."""
    app = FastAPI()
    app.get("/dict")(limiter.limit("2/minute")(lambda: {"a": "b"}))
    app.get("/response")(limiter.limit("2/minute")(lambda: PlainTextResponse("ok")))
    limited(app, limits=Limits(legacy_headers=True))
    for path in ("/dict", "/response"):
        passed, refused = last(app, path), last(app, path, path)

        assert '"2 per 1 minute";q=2;w=60' == header(passed, "ratelimit-policy")
        assert '"2 per 1 minute";r=1;t=60' == header(passed, "ratelimit")
        assert "1" == header(passed, "x-ratelimit-remaining")
        assert header(passed, "retry-after") is None
        assert str(header(refused, "x-ratelimit-reset")).isdigit()
        assert "60" == header(refused, "retry-after")


def test_limit_6_sleeping_that_long_succeeds(limiter: Limiter) -> None:
    """`Retry-After` is a promise."""
    app = FastAPI()
    app.get("/a")(limiter.limit("2/second")(lambda: "ok"))
    limited(app)

    async def run() -> list[int | None]:
        found = []
        for _ in range(2):
            refused = (await answers(app, *["/a"] * 3))[-1]
            found.append(refused.status)
            await asyncio.sleep(int(str(header(refused, "retry-after"))))
        found.append((await answers(app, "/a"))[0].status)
        return found

    assert [429, 429, 200] == anyio.run(run)


def test_limit_10_no_request_argument_and_limits_on_routers(limiter: Limiter) -> None:
    """A router's limit holds for each of its routes, or for all together."""
    app = FastAPI()
    each = APIRouter(dependencies=[limiter.on_router("2/minute")])
    both = APIRouter(dependencies=[limiter.on_router("2/minute", scope="both")])
    for router, prefix in ((each, "/each"), (both, "/both")):
        router.get("/a")(lambda: "ok")
        router.get("/b")(lambda: "ok")
        app.include_router(router, prefix=prefix)
    limited(app)
    paths = ["/a", "/b", "/a", "/b", "/a"]

    assert [200] * 4 + [429] == statuses(app, *[f"/each{path}" for path in paths])
    assert [200] * 2 + [429] * 3 == statuses(app, *[f"/both{path}" for path in paths])


def test_limit_11_a_refusal_calls_no_dependency_and_reads_no_body(
    limiter: Limiter,
) -> None:
    """Nothing of the application runs, and its client's body stays where it is."""
    app, calls = FastAPI(), []
    json: Any = {
        "body": b'{"a": "b"}',
        "headers": [("content-type", "application/json")],
    }

    async def dependency() -> None:
        calls.append("dependency")

    @app.post("/a", dependencies=[Depends(dependency)])
    @limiter.limit("1/minute")
    async def endpoint(body: dict[str, str]) -> str:
        calls.append("endpoint")
        return "ok"

    limited(app)

    async def watched(scope: Any, receive: Any, send: Any) -> None:
        async def received() -> Message:
            calls.append("receive")
            message: Message = await receive()
            return message

        await app(scope, received, send)

    async def run() -> list[int | None]:
        found = []
        for _ in range(2):
            calls.append("request")
            found.append((await call(watched, "POST", "/a", **json)).status)
        return found

    assert [200, 429] == anyio.run(run)
    assert "dependency" in calls
    assert "request" == calls[-1]


def test_limit_11_a_refusal_passes_the_users_middleware(limiter: Limiter) -> None:
    """With CORS headers, and a request id."""
    app = FastAPI()
    app.get("/a")(limiter.limit("1/minute")(lambda: "ok"))
    limited(app, limits=Limits(default=("1/minute",)))
    app.add_middleware(CORSMiddleware, allow_origins=["*"])
    origin = [("origin", "https://shop.example")]
    for path in ("/a", "/nowhere"):
        result = last(app, path, path, headers=origin)
        found = headers(result.headers)

        assert 429 == result.status
        assert "*" == found["access-control-allow-origin"]
        assert "Retry-After" in found["access-control-expose-headers"]
        assert "x-request-id" in found


async def plain() -> str:
    """Answer."""
    return "ok"


def test_limit_16_nothing_of_slowapi_decides(caplog: pytest.LogCaptureFixture) -> None:
    """A limiter of slowapi's own is adopted, its decorators and middleware inert."""
    app = FastAPI()
    own = slowapi.Limiter(key_func=get_remote_address, default_limits=["3/minute"])
    app.state.limiter = own
    app.add_middleware(slowapi.middleware.SlowAPIMiddleware)

    @app.get("/a")
    @own.limit("2/minute")
    async def endpoint(request: Request) -> dict[str, str]:
        return {"a": "b"}

    app.get("/exempt")(own.exempt(plain))  # type: ignore[no-untyped-call]
    app.get("/default")(lambda: "ok")
    with caplog.at_level("INFO", "steadfastapi.limits"):
        limited(app)
        found = statuses(app, *["/a"] * 3, *["/default"] * 4, *["/exempt"] * 4)

    assert [200] * 2 + [429] + [200] * 3 + [429] + [200] * 4 == found
    assert 1 == sum("adopted" in record.getMessage() for record in caplog.records)

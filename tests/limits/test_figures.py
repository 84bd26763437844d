"""RL-3, RL-6 to RL-9, RL-11 and RL-14: what limits answer.

Windows are in `test_figures_window`, real workers and outages in `test_fleet`.
"""

import random
import subprocess
import sys
from typing import Any

import pytest
from fastapi import FastAPI, Request, WebSocket
from fastapi.responses import JSONResponse, StreamingResponse
from hypothesis import given, settings
from hypothesis import strategies as st
from slowapi.errors import RateLimitExceeded

from steadfastapi import Limiter, Limits
from steadfastapi.limits import headers as fields
from steadfastapi.limits.demands import Demand, Standing
from steadfastapi.limits.keys import bucket, bucket_base
from support.limited import header, headers, last, limited, statuses
from support.raw import parse_response, raw_request
from support.server import LiveServer
from support.structured import parse_list


@pytest.mark.parametrize(
    ("environment", "arguments", "code"),
    [
        ({"WEB_CONCURRENCY": "4", "ENVIRONMENT": "production"}, [], 1),
        ({"ENVIRONMENT": "production"}, ["--workers", "4"], 1),
        ({"WEB_CONCURRENCY": "4"}, [], 0),
    ],
)
def test_rl_3_memory_and_several_workers_stop_a_production_start(
    environment: dict[str, str], arguments: list[str], code: int
) -> None:
    """The message says what to set; in development it is a warning."""
    ended = subprocess.run(
        [sys.executable, "-c", "import apps.limited_app", *arguments],
        cwd="tests",
        env={"PYTHONPATH": "../src", **environment},
        capture_output=True,
        text=True,
        check=False,
    )

    assert code == ended.returncode, ended.stderr
    assert "set REDIS_URL" in ended.stderr


@pytest.mark.parametrize(
    "targets",
    [
        [f"/i/{number}" for number in range(8)],
        [f"/nowhere/{number}" for number in range(8)],
        [f"/m/i/{number}" for number in range(8)],
        [f"WEBSOCKET /ws/{number}" for number in range(8)],
    ],
    ids=["path parameters", "unmatched", "mount", "WebSocket"],
)
def test_rl_6_three_of_eight_pass(targets: list[str]) -> None:
    """One bucket for path parameters, 404s, a mount, an empty key, a WebSocket."""
    app, mounted = FastAPI(), FastAPI()

    @app.websocket("/ws/{x}")
    async def websocket(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close()

    for one in (app, mounted):
        one.get("/i/{x}")(lambda x: x)
    app.mount("/m", mounted)
    limited(app, limits=Limits(default=("3/minute",), key=lambda: ""))
    found = statuses(app, *targets)

    assert [429] * 5 == found[3:]
    assert 429 not in found[:3]


@given(st.lists(st.text(max_size=8), min_size=1, max_size=3), st.text(max_size=8))
def test_rl_7_no_two_keys_are_one_bucket(parts: list[str], key: str) -> None:
    """Wherever the same characters are cut, the bucket is another one."""
    joined = "".join([*parts, key])
    names = {
        (first, second): bucket(bucket_base(first, second), last.encode())
        for at in range(len(joined) + 1)
        for to in range(at, len(joined) + 1)
        for first, second, last in [(joined[:at], joined[at:to], joined[to:])]
    }

    assert len(names) == len(set(names.values()))


def test_rl_7_ten_thousand_pairs_make_ten_thousand_buckets() -> None:
    """Of the kind that a joined key would mistake for one another."""
    pairs = {
        ("a/" * number, "/b" * other) for number in range(100) for other in range(100)
    }
    names = {bucket(bucket_base(scope), key.encode()) for scope, key in pairs}

    assert (10_000, {32}) == (len(names), set(map(len, names)))


def test_rl_7_a_key_of_a_megabyte_is_as_short_as_any() -> None:
    """32 characters, prefix apart."""
    assert 32 == len(bucket(bucket_base("a"), b"v" * 1_000_000))


@pytest.mark.parametrize("name", ["X-Forwarded-For", "X_FORWARDED_FOR", "Forwarded"])
def test_rl_8_forged_headers_on_a_raw_socket_win_nothing(name: str) -> None:
    """Uvicorn trusts this machine; the limit does not."""
    app = FastAPI()
    app.get("/a")(Limiter().limit("5/minute")(lambda: "ok"))
    limited(app)
    found = []
    with LiveServer(app) as live:
        for number in range(50):
            value = f"198.51.100.{number}"
            request = f"GET /a HTTP/1.1\r\nHost: a\r\n{name}: {value}\r\n\r\n"
            answer = raw_request(live.host, live.port, request.encode())
            found.append(parse_response(answer).status)

    assert 5 == found.count(200)


LIMIT = st.tuples(
    st.text(),
    st.integers(1, 10**20),
    st.integers(1, 10**9),
    st.integers(0, 10**20),
    st.floats(0, 1e9),
)


@settings(deadline=None)
@given(st.lists(LIMIT, min_size=1, max_size=4))
def test_rl_9_fields_are_structured_fields(
    limits: list[tuple[str, int, int, int, float]],
) -> None:
    """Lists of Strings with Integers, whatever the limits; no name twice."""
    assert_structured(limits)


def test_rl_9_ten_thousand_random_limits_are_structured_fields() -> None:
    """From a sequence that is the same each time."""
    dice = random.Random(9)
    for _ in range(10_000):
        text = "".join(chr(dice.randrange(1, 300)) for _ in range(dice.randrange(9)))
        limit = (text, dice.randrange(1, 10**18), dice.randrange(1, 10**8))
        assert_structured([(*limit, dice.randrange(10**18), dice.random() * 1e6)] * 2)


def assert_structured(limits: list[tuple[str, int, int, int, float]]) -> None:
    """Read what would be sent, as strictly as a client may."""
    names = [name for name, *_ in limits]
    demands = [Demand("b", quota, window, 1) for _, quota, window, _, _ in limits]
    standings = [Standing(left, reset, 0) for *_, left, reset in limits]
    found = headers(fields.fields(names, demands, standings))
    policies = parse_list(found["ratelimit-policy"])
    stands = parse_list(found["ratelimit"])

    assert [name for name, _ in policies] == [name for name, _ in stands]
    assert len({name for name, _ in policies}) == len(policies)
    assert [{"q", "w"}] * len(limits) == [set(known) for _, known in policies]
    assert [{"r", "t"}] * len(limits) == [set(known) for _, known in stands]
    assert all(known["t"] >= 1 for _, known in stands)


def test_rl_9_old_headers_are_for_those_who_ask() -> None:
    """`X-RateLimit-*` is off, and on by the layer or by slowapi's argument."""
    for by_layer in (False, True):
        for by_limiter in (False, True):
            app = FastAPI()
            limiter = Limiter(headers_enabled=by_limiter)
            app.get("/a")(limiter.limit("5/minute")(lambda: "ok"))
            limited(app, limits=Limits(legacy_headers=by_layer))
            found = header(last(app, "/a"), "x-ratelimit-limit")

            assert ("5" if by_layer or by_limiter else None) == found


@pytest.mark.parametrize("target", ["/a", "/none", "WEBSOCKET /ws"])
@pytest.mark.parametrize("handler", ["none", "sync", "async"])
def test_rl_11_every_refusal_has_a_detail(handler: str, target: str) -> None:
    """By the contract, or by a handler of the application."""
    app = FastAPI()
    limiter = Limiter()
    app.get("/a")(limiter.limit("1/minute")(lambda: "ok"))

    @app.websocket("/ws")
    @limiter.limit("1/minute")
    async def websocket(websocket: WebSocket) -> None:
        await websocket.close()

    def sync(request: Request, exc: RateLimitExceeded) -> JSONResponse:
        return JSONResponse({"detail": exc.detail}, 429)

    async def asynchronous(request: Request, exc: RateLimitExceeded) -> JSONResponse:
        return sync(request, exc)

    handlers: dict[str, Any] = {"sync": sync, "async": asynchronous}
    if handler in handlers:
        app.add_exception_handler(RateLimitExceeded, handlers[handler])
    limited(app, limits=Limits(default=("1/minute",)))
    result = last(app, target, target)

    limit = "1 per 1 minute"
    if handler == "none":
        limit = f"Rate limit exceeded: {limit}. Please slow down."
    assert (429, f'{{"detail":"{limit}"}}') == (result.status, result.body.decode())
    assert "application/json" == header(result, "content-type")


def test_rl_14_what_passes_is_passed_on_as_it_is() -> None:
    """Message by message what an unlimited application sends, header fields apart."""

    def build(*, with_limits: bool) -> FastAPI:
        app = FastAPI()

        @app.get("/stream")
        async def stream() -> StreamingResponse:
            return StreamingResponse(iter([b"a", b"b", b"c"]))

        @app.websocket("/ws")
        async def websocket(websocket: WebSocket) -> None:
            await websocket.accept()
            await websocket.send_text(await websocket.receive_text())
            await websocket.close(4000)

        app.get("/dict")(lambda: {"a": "b"})
        limits = Limits(default=("100/minute",)) if with_limits else False
        return limited(app, limits=limits)

    for target in ("/stream", "/dict", "/nowhere", "POST /dict", "WEBSOCKET /ws"):
        options = {"incoming": ["hello"]} if "WEBSOCKET" in target else {}
        bare, ours = (
            last(build(with_limits=on), target, **options) for on in (False, True)
        )
        for result in (bare, ours):
            for message in result.messages:
                message["headers"] = [
                    (name, value)
                    for name, value in message.get("headers", ())
                    if not name.startswith((b"ratelimit", b"x-request-id"))
                ]

        assert bare.messages == ours.messages

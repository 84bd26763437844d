"""The pages Settings, Logs and Limits, and their API."""

import asyncio
import gc
import json
import logging
from typing import Any

import pytest
import structlog
from fastapi import FastAPI

from steadfastapi import _streams, limiter
from steadfastapi.console import log_ring
from steadfastapi.console.log_ring import LogRing
from steadfastapi.console.pages import health_page, logs_page
from steadfastapi.health import Health
from support.asgi import call
from support.console import (
    BEARER,
    TOKEN,
    Browser,
    app_of,
    consoled,
    data,
    frame_of,
    program,
    text,
)
from support.health import Dial, until

pytestmark = pytest.mark.anyio

HOSTILE = "<script>alert(1)</script>\"'&"


def logged() -> Any:
    """Return the stack of an application that logs when it is asked."""
    app = FastAPI()
    log = structlog.get_logger("shop")

    @app.get("/order/{number}")
    def order(number: int) -> None:
        log.info("order read", number=number, given=HOSTILE, password="canary-1")
        if number > 1:
            log.warning("order is odd", number=number)

    @app.get("/boom")
    def boom() -> None:
        raise ValueError("canary of boom")

    return consoled(app, token=TOKEN)


async def test_logs_shows_the_last_lines_latest_first() -> None:
    """Scrubbed, escaped, with their fields."""
    stack = logged()
    browser = await Browser.signed_in(stack)
    await call(app_of(stack), path="/order/1")
    page = text(await browser.get("/ops/logs"))

    assert page.index("request</span>") < page.index("order read")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert HOSTILE not in page
    assert "canary-1" not in page


async def test_logs_are_filtered_by_level_text_logger_and_request() -> None:
    """From a level on; any text of any field; pages by cursor."""
    stack = logged()
    app = app_of(stack)
    for number in (1, 2, 3):
        await call(
            app, path=f"/order/{number}", headers=[("x-request-id", f"request{number}")]
        )

    async def told(query: str) -> list[Any]:
        answer = await program(stack, f"/ops/api/logs?{query}", BEARER)
        return [(line["event"], line.get("number")) for line in data(answer)["items"]]

    first = data(await program(stack, "/ops/api/logs?search=ORDER&limit=3", BEARER))
    rest = data(
        await program(
            stack, f"/ops/api/logs?search=order&cursor={first['next']}", BEARER
        )
    )
    warned = await told("level=warning")
    one = await told("request_id=request2&logger=shop")

    assert [("order is odd", 3), ("order is odd", 2)] == warned
    assert ["order is odd", "order read"] == [event for event, _ in one]
    assert [3, None, 8] == [
        len(first["items"]),
        rest["next"],
        len(first["items"]) + len(rest["items"]),
    ]


@pytest.mark.parametrize(
    "query", ["level=loud", "limit=0", "limit=201", "cursor=x", "colour=red", "a=b&a=c"]
)
async def test_odd_questions_are_refused_on_every_list(query: str) -> None:
    """4xx and a sentence, as page and as JSON."""
    stack = consoled(token=TOKEN, with_layers=("logs", "limits", "contract"))
    browser = await Browser.signed_in(stack)
    answers = [
        await browser.get(f"/ops/logs?{query}"),
        await program(stack, f"/ops/api/logs?{query}", BEARER),
        await program(stack, f"/ops/api/logs/stream?{query}", BEARER),
        await program(stack, f"/ops/api/limits?{query}", BEARER),
    ]

    assert [422] * 4 == [answer.status for answer in answers]
    assert ["detail"] == list(data(answers[1]))


async def test_the_level_is_switched_while_it_runs() -> None:
    """Of everything, or of one logger; the page shows it, and comes back."""
    stack = logged()
    browser = await Browser.signed_in(stack)
    await browser.post("/ops/logs/level", level="DEBUG", back="/logs?level=info")
    page = text(await browser.get("/ops/logs"))
    await browser.post("/ops/logs/level", level="ERROR", logger="noisy.library")
    wrong = await browser.post("/ops/logs/level", level="LOUD")

    assert "<option selected>DEBUG</option>" in page
    assert ("DEBUG", logging.ERROR) == (
        stack.logs.level,
        logging.getLogger("noisy.library").level,
    )
    assert (422, True) == (wrong.status, "use one of DEBUG, INFO" in text(wrong))


async def test_the_lines_of_a_request_are_found_by_its_id() -> None:
    """For its issue and its exchange; a traceback is not kept a second time."""
    stack = logged()
    await call(app_of(stack), path="/boom", headers=[("x-request-id", "boom-boom")])
    await call(app_of(stack), path="/order/1")
    lines = frame_of(stack).sources.lines_of("boom-boom")

    assert ["unhandled error", "request"] == [line["event"] for line in lines]
    assert "ValueError: canary of boom" == lines[0]["exception"]


async def follow(stack: Any, path: str, lines: Any) -> list[Any]:
    """Return the events of a stream until something comes, then hang up."""
    events: list[Any] = []
    came = asyncio.Event()
    begun = asyncio.Event()
    sent = False

    async def receive() -> Any:
        nonlocal sent
        if not sent:
            sent = True
            return {"type": "http.request", "body": b""}
        await came.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        body = message.get("body", b"")
        if body:
            begun.set()
        if body.startswith(b"data: "):
            events.append(json.loads(body.removeprefix(b"data: ")))
            came.set()

    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "method": "GET",
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in (BEARER,)],
        "scheme": "http",
        "server": ("test", 80),
        "client": ("127.0.0.1", 1),
        "http_version": "1.1",
        "root_path": "",
    }
    task = asyncio.create_task(app_of(stack)(scope, receive, send))
    async with asyncio.timeout(20):
        await begun.wait()
        lines()
        await task
    return events


async def test_lines_are_followed_as_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that fit the filter, in order, in one event."""
    monkeypatch.setattr(logs_page, "EVERY", 0.01)
    stack = logged()
    log = structlog.get_logger("shop")

    def write() -> None:
        log.info("not this one")
        log.error("this one", number=1)
        log.error("and this one", number=2)

    (event,) = await follow(stack, "/ops/api/logs/stream?level=error", write)

    assert [("this one", "error"), ("and this one", "error")] == [
        (line["event"], line["level"]) for line in event
    ]
    assert 0 == frame_of(stack).streams.open


async def test_streams_are_bounded() -> None:
    """More than there may be get 503 and when to come again."""
    stack = consoled(token=TOKEN, streams=0)
    answer = await program(stack, "/ops/api/logs/stream", BEARER)

    assert (503, {"detail": "There are 0 streams already."}) == (
        answer.status,
        data(answer),
    )


async def test_a_stream_ends_with_its_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the next heartbeat, whoever holds it."""
    monkeypatch.setattr(logs_page, "EVERY", 0.01)
    monkeypatch.setattr(_streams, "HEARTBEAT", 0.02)
    stack = logged()
    browser = await Browser.signed_in(stack)
    streams = frame_of(stack).streams
    following = asyncio.create_task(browser.ask("GET", "/ops/api/logs/stream"))
    await until(lambda: streams.open == 1, 20)
    other = Browser(stack)
    other.cookies, other.csrf = dict(browser.cookies), browser.csrf
    await other.post("/ops/logout")
    answer = await asyncio.wait_for(following, 20)

    assert (200, True) == (answer.status, answer.body.startswith(b"retry: 1000"))
    assert 0 == streams.open


async def test_limits_shows_who_is_near_one_and_what_was_refused() -> None:
    """The hottest first; a key that may be a secret is shown by its hash."""
    app = FastAPI()

    @app.get("/limited/{item}")
    @limiter.limit("2/minute")
    def limited(item: int) -> None:
        return None

    @app.get("/keyed")
    @limiter.limit("9/minute", key_func=lambda request: "canary-key")
    def keyed() -> None:
        return None

    stack = consoled(app, token=TOKEN, with_layers=("limits", "contract"))
    for _ in range(3):
        await call(app, path="/limited/1")
    await call(app, path="/keyed")
    told = data(await program(stack, "/ops/api/limits?limit=1", BEARER))
    rest = data(await program(stack, f"/ops/api/limits?cursor={told['next']}", BEARER))
    routes = data(await program(stack, "/ops/api/limits/routes", BEARER))
    page = text(await (await Browser.signed_in(stack)).get("/ops/limits"))

    (first,) = told["items"]
    assert ("/limited/{item}", "127.0.0.1", 0, 3, 1) == tuple(
        first[name] for name in ("route", "who", "left", "asked", "denied")
    )
    assert (False, False, None) == (told["shared"], told["storage_down"], rest["next"])
    assert [("/limited/{item}", 2, 1), ("/keyed", 1, 0)] == [
        (one["route"], one["allowed"], one["denied"]) for one in routes["items"]
    ]
    assert "canary-key" not in json.dumps([told, rest]) + page
    assert "0 of 2" in page


async def test_settings_shows_the_plan_without_a_secret() -> None:
    """As `steadfastapi plan` prints it; layers that are off, too."""
    stack = consoled(
        token=TOKEN, basic="ops:canary-password", with_layers=("logs", "contract")
    )
    page = text(await (await Browser.signed_in(stack)).get("/ops/settings"))
    told = data(await program(stack, "/ops/api/settings", BEARER))

    layers = {layer["name"]: layer for layer in told["layers"]}
    assert (True, False) == (layers["logs"]["on"], layers["metrics"]["on"])
    assert "**********" == layers["console"]["settings"]["token"]
    assert "everything below /ops" in page
    assert TOKEN not in page + json.dumps(told)
    assert "canary" not in page + json.dumps(told)


async def test_health_is_the_page_of_the_health_layer() -> None:
    """With the switch of maintenance, whose use is written down."""
    stack = consoled(token=TOKEN, health=Health(probes=(Dial("db"),)), with_layers=())
    browser = await Browser.signed_in(stack)
    page = text(await browser.get("/ops/health"))
    told = data(await program(stack, "/ops/api/health", BEARER))
    begun = await browser.post("/ops/health", action="begin", minutes="5")
    after = text(await browser.get("/ops/health"))
    wrong = await browser.post("/ops/health", action="begin", minutes="-1")

    assert 'data-probe="db"' in page
    assert [("db", "healthy", True)] == [
        (one["name"], one["status"], one["critical"]) for one in told["items"]
    ]
    assert (303, True, 422) == (
        begun.status,
        "End maintenance" in after,
        wrong.status,
    )


async def test_the_health_page_says_when_to_look_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As soon as a state has changed."""
    monkeypatch.setattr(health_page, "EVERY", 0.01)
    stack = consoled(token=TOKEN, health=Health(probes=(Dial("db"),)), with_layers=())
    events = await follow(stack, "/ops/api/health/stream", stack.health.set_maintenance)

    assert [{}] == events[:1]


def test_the_ring_is_bounded_in_lines_and_size() -> None:
    """A long line is kept in short: what is long in it goes."""
    ring = LogRing(size=3)
    for number in range(5):
        ring.add({"event": f"line {number}", "n": number}, None, 50)
    long = {"event": "e" * 5_000, "request_id": "abc", "body": "b" * 30_000}
    ring.add(long, None, 36_000)
    kept = ring.since()

    assert [4, 5, 6] == [one.number for one in kept]
    assert ["line 3", "line 4"] == [one.line["event"] for one in kept[:2]]
    assert len(str(kept[-1].line)) < log_ring.MAX_LINE
    assert "abc" == kept[-1].line["request_id"]
    assert [6] == [one.number for one in ring.since(5)]


def test_lines_are_nothing_to_the_garbage_collector() -> None:
    """Thousands of tracked objects would make each of its full runs longer."""
    ring = LogRing()
    for number in range(50):
        ring.add({"event": "paid", "request_id": "abc", "n": number}, None, 50)
    for _ in range(2):  # first the names, then what holds them
        gc.collect()

    assert 50 == len(ring.lines_of("abc"))
    assert [] == [kept for kept in ring._kept if gc.is_tracked(kept)]


def test_the_ring_keeps_no_exception_alive() -> None:
    """Its frames hold whatever the request had."""
    ring = LogRing()
    try:
        raise ValueError("of <password=canary>")
    except ValueError as error:
        exc_info = (type(error), error, error.__traceback__)
    ring.add({"event": "failed", "exception": "Traceback …"}, exc_info, 400)
    (kept,) = ring.since()

    assert kept.line["exception"].startswith("ValueError: of <password=")
    assert "canary" not in str(kept.line)
    assert {str} == {type(value) for value in kept.line.values()}

"""CTX-11: whatever an observer raises, the client gets what it got without us."""

import asyncio
import errno
import functools
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, NoReturn

import anyio
import pytest
from fastapi import FastAPI, HTTPException, WebSocket
from fastapi.responses import StreamingResponse

from steadfastapi import Plan, configure
from steadfastapi.testing import capture, internal_errors
from support.asgi import AsgiResult, AsgiValidator, Message, call, call_websocket
from support.drive import driven, in_loop, on_both

COMPONENTS = {
    "start": "failing.start",
    "undo": "failing.start",
    "error": "failing.error",
    "response": "failing.response",
    "finish": "failing.observer",
    "log": "logs.processor",
}
"""Every moment at which foreign code is called, and how its errors are counted."""
ERRORS: list[Callable[[], Exception]] = [
    lambda: ValueError("boom"),
    lambda: RecursionError("boom"),
    lambda: UnicodeError("boom"),
    lambda: BrokenPipeError(errno.EPIPE, "boom"),
    lambda: OSError(errno.ENOSPC, "boom"),
]
ANSWERED = {"/ok": 200, "/stream": 200, "/gone": 410}
CONTRACTED = {"/crash": 500, "/number/x": 422, "/missing": 404}


class Failing:
    """A layer that raises at one moment, or at all."""

    name = "failing"

    def __init__(self, *moments: str, error: Callable[[], BaseException]) -> None:
        self._moments = moments
        self._error = error
        self.calls = 0

    def contribute(self, plan: Plan) -> None:
        """Watch, to raise."""
        watchers: dict[str, Callable[[], None]] = {
            "start": lambda: plan.on_start(self._raise),
            "undo": lambda: plan.on_start(lambda _: self._raise),
            "error": lambda: plan.on_error(self._raise),
            "response": lambda: plan.on_response(self._raise),
            "finish": lambda: plan.observe(self._raise),
            "log": lambda: plan.log_processor(self._raise),
            "nothing": lambda: None,
        }
        for moment in self._moments:
            watchers[moment]()

    def _raise(self, *_: object) -> NoReturn:
        self.calls += 1
        raise self._error()


def shop() -> FastAPI:
    """Return an application with one route for each outcome."""
    app = FastAPI()

    @app.get("/ok")
    async def ok() -> dict[str, str]:
        return {"it": "works"}

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def chunks() -> AsyncIterator[bytes]:
            for chunk in (b"a", b"b", b"c"):
                yield chunk

        return StreamingResponse(chunks(), headers={"X-Kept": "yes"})

    @app.get("/gone")
    async def gone() -> None:
        raise HTTPException(410, "Gone", headers={"X-Why": "sold"})

    @app.get("/crash")
    async def crash() -> None:
        raise ValueError("crash")

    @app.get("/number/{x}")
    async def number(x: int) -> int:
        return x

    return app


def prepared(*layers: Any) -> FastAPI:
    """Return the shop, configured."""
    app = shop()
    configure(app, tracing=False, sentry=False, extra=layers)
    return app


def plain(result: AsgiResult) -> tuple[list[Message], str]:
    """Return all that a client and a server see, without what the contract adds."""
    messages = [dict(message) for message in result.messages]
    for message in messages:
        if "headers" in message:
            message["headers"] = [
                pair for pair in message["headers"] if pair[0] != b"x-request-id"
            ]
    return [*messages], repr(result.exception)


def answers(app: Any, paths: Iterable[str]) -> list[tuple[list[Message], str]]:
    """Request each path."""

    async def ask() -> list[tuple[list[Message], str]]:
        return [plain(await call(app, path=path)) for path in paths]

    return anyio.run(ask)


@functools.cache
def control() -> list[tuple[list[Message], str]]:
    """Return the answers without us, and those of the contract with nothing raising."""
    return answers(shop(), ANSWERED) + answers(prepared(), CONTRACTED)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: repr(error()))
@pytest.mark.parametrize("moment", COMPONENTS)
def test_ctx_11_a_raising_observer_changes_no_message(
    moment: str, error: Callable[[], Exception]
) -> None:
    """Message by message as from a control; each error is counted, none twice."""
    layer = Failing(moment, error=error)
    app = prepared(layer)
    with internal_errors() as counted:
        seen = answers(AsgiValidator(app), [*ANSWERED, *CONTRACTED])

    assert [*ANSWERED.values(), *CONTRACTED.values()] == [
        messages[0]["status"] for messages, _ in seen
    ]
    assert control() == seen
    assert layer.calls > 0
    assert {COMPONENTS[moment]: layer.calls} == counted


@on_both
def test_ctx_11_all_moments_raising_change_no_response(how: str) -> None:
    """Over a real connection too, and the metric has the exact number."""
    watchers = [moment for moment in COMPONENTS if moment != "log"]
    layer = Failing(*watchers, error=lambda: ValueError("boom"))
    app = prepared(layer)
    paths = [*ANSWERED, *CONTRACTED]
    with internal_errors() as counted, capture(app) as seen:
        responses = fetched(app, how, paths)
    unconfigured = fetched(shop(), how, list(ANSWERED))

    assert unconfigured == responses[: len(unconfigured)]
    assert [*ANSWERED.values(), *CONTRACTED.values()] == [one[0] for one in responses]
    assert layer.calls == counted.total()
    assert layer.calls == seen.metric("steadfastapi_internal_errors_total")


def fetched(app: FastAPI, how: str, paths: list[str]) -> list[tuple[Any, ...]]:
    """Return status, headers and body of each path, without what the contract adds."""
    added = {"x-request-id", "date", "server"}
    with driven(app, how) as client:
        responses = [client.request("GET", path) for path in paths]
    return [
        (
            response.status_code,
            [pair for pair in response.headers.multi_items() if pair[0] not in added],
            response.content,
        )
        for response in responses
    ]


@pytest.mark.parametrize("moment", [*COMPONENTS, "nothing"])
def test_ctx_11_websocket_frames_are_unchanged(moment: str) -> None:
    """A connection opens, talks and closes as it does without us."""

    def talking() -> FastAPI:
        app = FastAPI()

        @app.websocket("/echo")
        async def echo(socket: WebSocket) -> None:
            await socket.accept()
            await socket.send_text(await socket.receive_text())
            await socket.close(4001, "enough")

        return app

    app = talking()
    layer = Failing(moment, error=lambda: ValueError("boom"))
    configure(app, tracing=False, sentry=False, extra=[layer])
    with internal_errors() as counted:
        seen = in_loop(call_websocket, AsgiValidator(app), "/echo", incoming=["hello"])
    unconfigured = in_loop(call_websocket, talking(), "/echo", incoming=["hello"])

    assert plain(unconfigured) == plain(seen)
    assert layer.calls == counted.total()


@pytest.mark.parametrize("moment", COMPONENTS)
def test_ctx_11_cancellation_passes(moment: str) -> None:
    """A cancelled observer cancels the request: only `Exception` is contained."""
    app = prepared(Failing(moment, error=asyncio.CancelledError))

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        pass

    async def serve() -> bool:
        scope = {"type": "http", "method": "GET", "path": "/crash", "headers": []}
        task = asyncio.ensure_future(app({**scope, "query_string": b""}, receive, send))
        await asyncio.wait([task], timeout=5)
        return task.cancelled()

    with internal_errors() as counted:
        assert asyncio.run(serve())
    assert 0 == counted.total()

"""What passes between server and application, written down."""

import asyncio
from typing import Any

import pytest

from steadfastapi import Exchange
from steadfastapi._middleware import ExchangeMiddleware
from steadfastapi._observers import Observers
from steadfastapi._recorders import with_request_id
from support.asgi import App, AsgiValidator, Message, Receive, Scope, Send
from support.asgi import call as call_http
from support.drive import in_loop

START: Message = {"type": "http.response.start", "status": 200, "headers": []}
LAST: Message = {"type": "http.response.body", "body": b"zz"}
ACCEPT: Message = {"type": "websocket.accept"}
Pairs = list[tuple[bytes, bytes]]


def chunk(body: bytes) -> Message:
    """Return a part of a body that is not the last one."""
    return {"type": "http.response.body", "body": body, "more_body": True}


class Sender:
    """An application that reads the request, sends messages, and may raise."""

    def __init__(self, *messages: Message, error: BaseException | None = None) -> None:
        self.messages = messages
        self.error = error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them all."""
        while (await receive()).get("more_body"):
            pass
        for message in self.messages:
            await send(dict(message))
        if self.error is not None:
            raise self.error


def watched(app: App) -> tuple[ExchangeMiddleware, list[Exchange]]:
    """Wrap an application; return the middleware and the exchanges to come."""
    seen: list[Exchange] = []
    observers = Observers(finish=(("test", seen.append),))
    return ExchangeMiddleware(app, observers=observers), seen


def recorded(app: App, **request: Any) -> Exchange:
    """Send one request; return the record, which has to be one."""
    wrapped, seen = watched(app)
    in_loop(call_http, wrapped, **request)
    (exchange,) = seen
    return exchange


def test_sizes_are_those_of_all_chunks() -> None:
    """What the application read, and what it sent."""
    app = AsgiValidator(Sender(START, chunk(b"abc"), LAST))
    exchange = recorded(app, method="POST", body=[b"12", b"345"])

    assert (5, 5, True) == (
        exchange.request_size,
        exchange.response_size,
        exchange.streamed,
    )


@pytest.mark.parametrize(
    ("messages", "extension"),
    [
        (
            [
                {**START, "trailers": True},
                LAST,
                {
                    "type": "http.response.trailers",
                    "headers": [],
                    "more_trailers": True,
                },
                {"type": "http.response.trailers", "headers": []},
            ],
            "http.response.trailers",
        ),
        (
            [START, {"type": "http.response.pathsend", "path": "/dev/null"}],
            "http.response.pathsend",
        ),
        (
            [START, {"type": "http.response.zerocopysend", "file": 0}],
            "http.response.zerocopysend",
        ),
    ],
)
def test_the_last_message_ends_an_exchange(
    messages: list[Message], extension: str
) -> None:
    """Trailers and sent files too, each once and not before."""
    ended: list[bool] = []
    seen: list[Exchange] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in messages:
            ended.append(bool(seen))
            await send(message)
        ended.append(bool(seen))

    observers = Observers(finish=(("test", seen.append),))
    wrapped = ExchangeMiddleware(app, observers=observers)
    in_loop(call_http, wrapped, scope={"extensions": {extension: {}}})

    assert [False] * len(messages) + [True] == ended
    assert [(200, "ok")] == [(one.status, one.outcome) for one in seen]


def test_other_messages_end_nothing() -> None:
    """Early hints and debug information pass."""
    hint: Message = {"type": "http.response.early_hint", "links": []}
    exchange = recorded(Sender(hint, START, chunk(b""), LAST))

    assert (200, "ok", 2) == (exchange.status, exchange.outcome, exchange.response_size)


def test_a_client_that_leaves_before_the_response_is_a_499() -> None:
    """Nginx's status for it, which the client never sees."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    exchange = recorded(app, disconnect_after=0)

    assert (499, "aborted", None) == (
        exchange.status,
        exchange.outcome,
        exchange.first_byte,
    )


def test_a_client_that_leaves_in_the_stream_is_a_499() -> None:
    """Even if the application then ends its stream in good order."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        await send(chunk(b"abc"))
        while (await receive())["type"] != "http.disconnect":
            pass
        await send(LAST)

    exchange = recorded(app, disconnect_after=2)

    assert (499, "aborted") == (exchange.status, exchange.outcome)
    assert exchange.first_byte is not None


def test_a_disconnect_after_the_response_changes_nothing() -> None:
    """A background task may outlive the connection."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        await send(LAST)
        while (await receive())["type"] != "http.disconnect":
            pass
        raise ValueError("in the background")

    exchange = recorded(app)

    assert (200, "ok", False) == (
        exchange.status,
        exchange.outcome,
        exchange.disconnected,
    )


def test_a_server_that_cannot_send_is_a_client_that_left() -> None:
    """The OSError goes on to the application, as ASGI says."""
    caught: list[Exception] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send(START)
        except OSError as error:
            caught.append(error)

    async def send(message: Message) -> None:
        raise BrokenPipeError

    async def receive() -> Message:
        return {"type": "http.request"}

    wrapped, seen = watched(app)
    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    asyncio.run(wrapped(scope, receive, send))

    assert [BrokenPipeError] == [type(error) for error in caught]
    assert [(499, "aborted")] == [(one.status, one.outcome) for one in seen]


@pytest.mark.parametrize("error", [asyncio.CancelledError(), KeyboardInterrupt()])
def test_a_request_that_is_given_up_is_aborted(error: BaseException) -> None:
    """The exception goes on; the exchange is recorded before."""
    wrapped, seen = watched(Sender(START, error=error))

    async def send(message: Message) -> None:
        pass

    async def receive() -> Message:
        return {"type": "http.request"}

    async def serve() -> list[type]:
        scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
        try:
            await wrapped(scope, receive, send)
        except BaseException as caught:
            return [type(caught)]
        return []

    assert [type(error)] == asyncio.run(serve())
    assert [(499, "aborted")] == [(one.status, one.outcome) for one in seen]


@pytest.mark.parametrize(
    ("messages", "status"), [([], 500), ([START], 200), ([START, chunk(b"a")], 200)]
)
def test_an_unfinished_response_is_a_server_error(
    messages: list[Message], status: int
) -> None:
    """The status is the one that left, or the 500 that the server makes of nothing."""
    exchange = recorded(Sender(*messages))

    assert (status, "server_error") == (exchange.status, exchange.outcome)


def test_observers_of_the_response_see_its_headers() -> None:
    """Status, route and headers are known, and nothing has been sent."""
    seen: list[tuple[object, ...]] = []
    observers = Observers(
        response=(
            (
                "test",
                lambda it: seen.append((it.status, it.route, [*it.response_headers])),
            ),
        )
    )
    app = ExchangeMiddleware(
        Sender(START, LAST), observers=observers, route_of=lambda _: "/a/{x}"
    )
    in_loop(call_http, app, headers=[("X-Request-ID", "abcd-123")])

    assert [(200, "/a/{x}", [(b"x-request-id", b"abcd-123")])] == seen


ALLOW = (b"access-control-allow-origin", b"*")
EXPOSE = b"access-control-expose-headers"


@pytest.mark.parametrize(
    ("sent", "expose", "expected"),
    [
        ([], False, [(b"x-request-id", b"me")]),
        ([], True, [(b"x-request-id", b"me")]),
        ([(b"x-request-id", b"own")], True, [(b"x-request-id", b"own")]),
        ([ALLOW], False, [ALLOW, (b"x-request-id", b"me")]),
        (
            [ALLOW],
            True,
            [ALLOW, (b"x-request-id", b"me"), (EXPOSE, b"X-Request-ID")],
        ),
        (
            [ALLOW, (EXPOSE, b"X-Total")],
            True,
            [ALLOW, (EXPOSE, b"X-Total, X-Request-ID"), (b"x-request-id", b"me")],
        ),
        (
            [ALLOW, (EXPOSE, b"x-request-id")],
            True,
            [ALLOW, (EXPOSE, b"x-request-id"), (b"x-request-id", b"me")],
        ),
        (
            [ALLOW, (EXPOSE, b"*")],
            True,
            [ALLOW, (EXPOSE, b"*"), (b"x-request-id", b"me")],
        ),
    ],
)
def test_headers_get_one_request_id(sent: Pairs, expose: bool, expected: Pairs) -> None:
    """An own one is kept; scripts may read it where CORS lets them read anything."""
    before = list(sent)

    assert expected == with_request_id(sent, "me", expose=expose)
    assert before == sent


class Slow:
    """An application that answers late, and reads before or after that."""

    def __init__(self, *, reads_first: bool) -> None:
        self.reads_first = reads_first
        self.read: list[Message] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; read everything there is."""
        if self.reads_first:
            self.read.append(await receive())
        await send(dict(START))
        if not self.reads_first:
            self.read.append(await receive())
        await send(dict(LAST))


@pytest.mark.parametrize("reads_first", [True, False])
def test_what_was_looked_at_is_read_as_it_came(
    reads_first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look at a slow request takes no part of its body away."""
    monkeypatch.setattr("steadfastapi._recorders.PATIENCE", -1.0)
    app = Slow(reads_first=reads_first)

    exchange = recorded(app, body=b"four")

    assert [b"four"] == [message.get("body") for message in app.read]
    assert (4, 200) == (exchange.request_size, exchange.status)


def test_a_slow_request_that_is_being_read_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two who read would take messages from each other."""
    monkeypatch.setattr("steadfastapi._recorders.PATIENCE", -1.0)
    reading = 0

    async def server() -> Message:
        nonlocal reading
        reading += 1
        try:
            await asyncio.sleep(60)
        finally:
            reading -= 1
        raise AssertionError

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        reader = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        await send(dict(START))
        readers.append(reading)
        await send(dict(LAST))
        reader.cancel()

    async def run() -> None:
        async def swallow(message: Message) -> None:
            pass

        wrapped, _ = watched(app)
        scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
        await wrapped(scope, server, swallow)

    readers: list[int] = []
    in_loop(run)

    assert [1] == readers

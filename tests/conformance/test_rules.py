"""The rules of a seam refuse what ASGI, uvicorn or HTTP refuses, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support.asgi import call, call_websocket
from support.conformance import Seams, SeamValidator
from support.conformance_websocket import LifespanRules
from support.drive import in_loop

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.asgi import Message, Receive, Scope, Send

START = {"type": "http.response.start", "status": 200, "headers": []}
BODY = {"type": "http.response.body", "body": b""}
CHUNK = {"type": "http.response.body", "body": b"a", "more_body": True}
TRAILED = {**START, "trailers": True}
TRAILERS = {"type": "http.response.trailers", "headers": []}
FILE = {"type": "http.response.pathsend", "path": "/a"}
ACCEPT = {"type": "websocket.accept"}
FRAME = {"type": "websocket.send", "text": ""}
CLOSE = {"type": "websocket.close"}
DENY = {"type": "websocket.http.response.start", "status": 403, "headers": []}
DENIED = {"type": "websocket.http.response.body", "body": b""}
OFFERED: dict[str, Any] = {"http.response.trailers": {}, "http.response.pathsend": {}}


def headers(*pairs: tuple[Any, Any], status: int = 200) -> Message:
    """Return a start with these headers."""
    return {**START, "status": status, "headers": list(pairs)}


def sending(*messages: Message) -> Callable[..., Any]:
    """Return an application that sends fixed messages."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
        for message in messages:
            await send(dict(message))

    return app


def violations(messages: tuple[Message, ...], drive: Any, **scope: Any) -> list[str]:
    """Return what a seam says about an application that sends these."""
    seams = Seams()
    in_loop(drive, SeamValidator(sending(*messages), "seam", seams), scope=scope)
    return seams.violations


GOOD: list[tuple[Message, ...]] = [
    (START, BODY),
    (START, CHUNK, CHUNK, BODY),
    (TRAILED, BODY, TRAILERS),
    (START, FILE),
    (headers((b"content-length", b"1")), CHUNK, BODY),
    (headers((b"set-cookie", b"a"), (b"set-cookie", b"b")), BODY),
    (headers(status=204), BODY),
]
BAD: dict[str, tuple[Message, ...]] = {
    "returns in the state 'new'": (),
    "returns in the state 'started'": (START, CHUNK),
    "sends a body in the state 'new'": (BODY,),
    "starts a response in the state 'started'": (START, START, BODY),
    "starts a response in the state 'complete'": (START, BODY, START),
    "sends a body in the state 'complete'": (START, BODY, BODY),
    "sends 'http.response.trailers' in the state 'complete'": (START, BODY, TRAILERS),
    "returns in the state 'trailers'": (TRAILED, BODY),
    "sends 'http.response.pathsend' in the state 'new'": (FILE, START, BODY),
    "sends a file beside a body": (START, CHUNK, FILE, BODY),
    "sends 'websocket.close'": (CLOSE, START, BODY),
    "status '200' is no number": ({**START, "status": "200"}, BODY),
    "status 103 is none of a final response": (headers(status=103), BODY),
    "header 'a': 'b' is not bytes": (headers(("a", "b")), BODY),
    "header name b'A' is no token in lower case": (headers((b"A", b"b")), BODY),
    "header name b'a b' is no token in lower case": (headers((b"a b", b"b")), BODY),
    "parsers refuse: b'b\\r\\nc: d'": (headers((b"a", b"b\r\nc: d")), BODY),
    "parsers refuse: b' b'": (headers((b"a", b" b")), BODY),
    "header b'x-request-id' comes 2 times": (
        headers((b"x-request-id", b"a"), (b"x-request-id", b"b")),
        BODY,
    ),
    "announces 5 bytes and sends 1": (headers((b"content-length", b"5")), CHUNK, BODY),
    "sends a body where the status allows none": (headers(status=204), CHUNK, BODY),
    "body is str, more_body False": (START, {**BODY, "body": "a"}, BODY),
}
WEBSOCKETS_GOOD: list[tuple[Message, ...]] = [
    (ACCEPT, FRAME, CLOSE),
    (ACCEPT,),
    (CLOSE,),
    (DENY, DENIED),
]
WEBSOCKETS_BAD: dict[str, tuple[Message, ...]] = {
    "returns in the state 'new'": (),
    "returns in the state 'denied'": (DENY,),
    "sends 'websocket.send' in the state 'new'": (FRAME, CLOSE),
    "sends 'websocket.accept' in the state 'accepted'": (ACCEPT, ACCEPT),
    "sends 'websocket.send' in the state 'closed'": (ACCEPT, CLOSE, FRAME),
    "sends 'websocket.close' in the state 'closed'": (ACCEPT, CLOSE, CLOSE),
    "websocket.send has 2 of bytes and text": (ACCEPT, {**FRAME, "bytes": b""}),
    "closes with the code 1006": (ACCEPT, {**CLOSE, "code": 1006}),
    "accepts with 'a', which was not offered": ({**ACCEPT, "subprotocol": "a"},),
}


@pytest.mark.parametrize("messages", GOOD)
def test_what_http_allows_passes(messages: tuple[Message, ...]) -> None:
    """Everything that a server accepts."""
    assert [] == violations(messages, call, extensions=OFFERED)


@pytest.mark.parametrize(("sentence", "messages"), BAD.items(), ids=BAD)
def test_what_http_forbids_is_named(
    sentence: str, messages: tuple[Message, ...]
) -> None:
    """Each message out of order or of a wrong form, by its rule."""
    found = violations(messages, call, extensions=OFFERED)
    assert any(sentence in one for one in found), found


@pytest.mark.parametrize("messages", [(TRAILED, BODY, TRAILERS), (START, FILE)])
def test_an_extension_must_be_offered(messages: tuple[Message, ...]) -> None:
    """A server that has no trailers and no file sending gets neither."""
    assert any(
        "the server has not offered" in one for one in violations(messages, call)
    )


@pytest.mark.parametrize("messages", WEBSOCKETS_GOOD)
def test_what_a_websocket_allows_passes(messages: tuple[Message, ...]) -> None:
    """Everything that a server accepts."""
    assert [] == violations(messages, call_websocket)


@pytest.mark.parametrize(
    ("sentence", "messages"), WEBSOCKETS_BAD.items(), ids=WEBSOCKETS_BAD
)
def test_what_a_websocket_forbids_is_named(
    sentence: str, messages: tuple[Message, ...]
) -> None:
    """Each message out of order or of a wrong form, by its rule."""
    found = violations(messages, call_websocket)
    assert any(sentence in one for one in found), found


def test_a_denial_must_be_offered() -> None:
    """Without the extension a handshake is refused by a close."""
    found = violations((DENY, DENIED), call_websocket, extensions={})
    assert [
        "seam: / refuses with a response, which the server has not offered"
    ] == found


def test_what_a_piece_passes_inward_is_judged_too() -> None:
    """A body after its end would be a piece's that replays it."""
    seams = Seams()

    async def replaying(scope: Scope, receive: Receive, send: Send) -> None:
        async def again() -> Message:
            return {"type": "http.request", "body": b"a"}

        await SeamValidator(reading, "inside", seams)(scope, again, send)

    async def reading(scope: Scope, receive: Receive, send: Send) -> None:
        for _ in range(2):
            await receive()
        await sending(START, BODY)(scope, receive, send)

    in_loop(call, replaying)
    assert ["inside: / receives a body after its end"] == seams.violations


def test_who_sends_after_the_return_is_caught() -> None:
    """A task that outlives its request has nobody to send to."""
    seams = Seams()
    kept: list[Send] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await sending(START, BODY)(scope, receive, send)
        kept.append(send)

    async def late(scope: Scope, receive: Receive, send: Send) -> None:
        await SeamValidator(app, "seam", seams)(scope, receive, send)
        await kept[0](dict(BODY))

    in_loop(call, late)
    assert "seam: / sends http.response.body after it has returned" in seams.violations


@pytest.mark.parametrize(
    ("steps", "sentence"),
    [
        (["?startup", "!startup.complete", "?shutdown", "!shutdown.complete"], None),
        (["?startup", "!startup.failed"], None),
        (["!startup.complete"], "when it was asked []"),
        (["?startup", "!shutdown.complete"], "'lifespan.shutdown.complete'"),
        (["?startup", "!startup.complete", "!shutdown.complete"], "asked"),
        (["?startup"], "'lifespan.startup' unanswered"),
        (["?shutdown"], "receives ['lifespan.shutdown']"),
    ],
)
def test_the_lifespan_is_a_conversation(steps: list[str], sentence: str | None) -> None:
    """One answer to each question, after it."""
    rules = LifespanRules({})
    said: list[str | None] = []
    for step in steps:
        message: Message = {"type": f"lifespan.{step[1:]}"}
        said.append((rules.received if step[0] == "?" else rules.sent)(message))
    said.append(rules.finished())

    problems = [one for one in said if one is not None]
    assert bool(problems) is (sentence is not None)
    assert sentence is None or any(sentence in one for one in problems), problems

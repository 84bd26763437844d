"""The error boundary: answer, report, raise again."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse
from starlette.websockets import WebSocketDisconnect

from steadfastapi import Exchange
from steadfastapi._boundary import ErrorBoundary
from steadfastapi._exchange import SCOPE_KEY
from steadfastapi._middleware import ExchangeMiddleware
from steadfastapi._observers import Observers
from support.asgi import (
    App,
    AsgiResult,
    Message,
    Receive,
    Scope,
    Send,
    call,
    call_websocket,
)
from support.drive import in_loop

Step = Message | BaseException
START: Message = {"type": "http.response.start", "status": 200, "headers": []}
TOO_LARGE: Message = {"type": "http.response.start", "status": 413, "headers": []}
BODY: Message = {"type": "http.response.body", "body": b"text"}


class Steps:
    """An application that sends messages and raises exceptions, in order."""

    def __init__(self, *steps: Step) -> None:
        self.steps = steps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take each step."""
        for step in self.steps:
            if isinstance(step, BaseException):
                raise step
            await send(dict(step))


async def respond(scope: Scope, receive: Receive, send: Send, error: Exception) -> None:
    """Answer with the name of the error."""
    await PlainTextResponse(type(error).__name__, 500)(scope, receive, send)


def refine(start: Message, body: Message) -> tuple[Message, Message]:
    """Mark a 413."""
    return start, {**body, "body": b"refined " + body["body"]}


def watched(app: App) -> tuple[App, list[tuple[Exchange, BaseException]]]:
    """Put the outermost piece around a boundary; return what is reported."""
    reports: list[tuple[Exchange, BaseException]] = []
    observers = Observers(error=(("test", lambda *both: reports.append(both)),))
    return ExchangeMiddleware(app, observers=observers), reports


def ask(app: App, **request: Any) -> tuple[AsgiResult, list[BaseException]]:
    """Send one request; return the result and the reported exceptions."""
    wrapped, reports = watched(app)
    result: AsgiResult = in_loop(call, wrapped, **request)
    return result, [error for _, error in reports]


def test_an_exception_is_answered_reported_and_raised() -> None:
    """All three, with the same object."""
    error = KeyError("a")
    result, reported = ask(ErrorBoundary(Steps(error), respond=respond))

    assert (500, b"KeyError") == (result.status, result.body)
    assert [error] == reported
    assert error is result.exception


def test_without_a_responder_it_only_reports() -> None:
    """The framework answers then."""
    error = KeyError("a")
    result, reported = ask(ErrorBoundary(Steps(error)))

    assert [] == result.messages
    assert [error] == reported
    assert error is result.exception


def test_a_started_response_is_not_answered_again() -> None:
    """An error in the middle of a stream aborts it."""
    error = KeyError("a")
    result, reported = ask(ErrorBoundary(Steps(START, error), respond=respond))

    assert [200] == [message["status"] for message in result.messages]
    assert [error] == reported


def test_two_boundaries_answer_and_report_once() -> None:
    """The outer one sees the exception again, and a response that has started."""
    error = KeyError("a")
    inner = ErrorBoundary(Steps(error), respond=respond)
    result, reported = ask(ErrorBoundary(inner, respond=respond))

    assert [500] == [m["status"] for m in result.messages if "status" in m]
    assert [error] == reported


@pytest.mark.parametrize("error", [SystemExit(), KeyboardInterrupt()])
def test_only_exceptions_are_answered(error: BaseException) -> None:
    """Interrupts pass."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    wrapped, reports = watched(ErrorBoundary(Steps(error), respond=respond))

    async def serve() -> type:
        scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
        try:
            await wrapped(scope, None, send)  # type: ignore[arg-type]
        except BaseException as caught:
            return type(caught)
        return type(None)

    assert type(error) is in_loop(serve)
    assert ([], []) == (sent, reports)


@pytest.mark.parametrize("make", [ClientDisconnect, BrokenPipeError])
def test_a_client_that_left_is_no_error(make: Callable[[], Exception]) -> None:
    """What the application raises for it is neither reported nor answered."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        raise make()

    boundary = ErrorBoundary(app, respond=respond)
    result, reported = ask(boundary, disconnect_after=0)

    assert isinstance(result.exception, make)  # type: ignore[arg-type]
    assert [] == reported


@pytest.mark.parametrize("make", [ClientDisconnect, BrokenPipeError])
def test_the_same_errors_are_errors_while_the_client_waits(
    make: Callable[[], Exception],
) -> None:
    """A broken pipe to a database is a crash like any other."""
    result, reported = ask(ErrorBoundary(Steps(make()), respond=respond))

    assert 500 == result.status
    assert 1 == len(reported)


def test_other_errors_of_a_client_that_left_are_reported() -> None:
    """A disconnect excuses what it causes, not a bug."""
    error = KeyError("a")

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        raise error

    _, reported = ask(ErrorBoundary(app, respond=respond), disconnect_after=0)

    assert [error] == reported


def test_a_413_is_refined() -> None:
    """Its start waits for the first body message, which tells who sent it."""
    result, _ = ask(ErrorBoundary(Steps(TOO_LARGE, BODY), refine=refine))

    assert (413, b"refined text") == (result.status, result.body)


@pytest.mark.parametrize(
    ("start", "body"), [(START, b"text"), ({**START, "status": 414}, b"text")]
)
def test_other_statuses_are_not_refined(start: Message, body: bytes) -> None:
    """They pass at once."""
    result, _ = ask(ErrorBoundary(Steps(start, BODY), refine=refine))

    assert body == result.body


def test_an_error_behind_a_413_without_body_is_answered() -> None:
    """The start was held back, so nothing has been sent yet."""
    error = KeyError("a")
    boundary = ErrorBoundary(Steps(TOO_LARGE, error), respond=respond, refine=refine)
    result, reported = ask(boundary)

    assert (500, b"KeyError") == (result.status, result.body)
    assert [error] == reported


def test_a_413_without_body_leaves_as_it_is() -> None:
    """What the application began, the server sees."""
    result, _ = ask(ErrorBoundary(Steps(TOO_LARGE), refine=refine))

    assert [413] == [message["status"] for message in result.messages]


def test_the_exchange_gets_the_scope_nearest_to_the_endpoint() -> None:
    """A middleware may pass on a copy; the router writes into that one."""
    inner_scopes: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        inner_scopes.append(scope)

    boundary = ErrorBoundary(app)

    async def copying(scope: Scope, receive: Receive, send: Send) -> None:
        await boundary(dict(scope), receive, send)
        exchanges.append(scope[SCOPE_KEY])

    exchanges: list[Exchange] = []
    ask(copying)

    assert inner_scopes[0] is exchanges[0].scope


def test_outside_of_an_exchange_it_passes_on() -> None:
    """A lifespan, or an application that is covered and served by itself."""
    error = KeyError("a")
    result: AsgiResult = in_loop(call, ErrorBoundary(Steps(error), respond=respond))

    assert [] == result.messages
    assert error is result.exception


@pytest.mark.parametrize(
    ("error", "reported"), [(KeyError("a"), 1), (WebSocketDisconnect(1001), 0)]
)
def test_websocket_errors_are_reported(error: Exception, reported: int) -> None:
    """But not that the client has left."""
    wrapped, reports = watched(ErrorBoundary(Steps(error), respond=respond))
    result: AsgiResult = in_loop(call_websocket, wrapped)

    assert error is result.exception
    assert reported == len(reports)
    assert [] == result.messages

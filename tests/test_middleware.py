"""The single pass around the application."""

import asyncio
import gc
from typing import Any

import pytest

from steadfastapi import Exchange, current_exchange
from steadfastapi._exchange import SCOPE_KEY
from steadfastapi._middleware import KNOWN_METHODS, ExchangeMiddleware
from steadfastapi._observers import Observers
from steadfastapi.testing import internal_errors
from support.asgi import App, AsgiValidator, Message, Receive, Scope, Send, call
from support.drive import in_loop

OK: list[Message] = [
    {"type": "http.response.start", "status": 200, "headers": []},
    {"type": "http.response.body", "body": b"ok"},
]


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a small response."""
    for message in OK:
        await send(message)


def watched(app: App, **options: Any) -> tuple[ExchangeMiddleware, list[Exchange]]:
    """Wrap an application; return the middleware and the exchanges to come."""
    seen: list[Exchange] = []
    observers = Observers(finish=(("test", seen.append),), **options)
    return ExchangeMiddleware(app, observers=observers), seen


def test_an_exchange_tells_who_asked_for_what() -> None:
    """Identity and address are known from the scope."""
    app, seen = watched(answer)
    path = "/users/%C3%BC"
    result = in_loop(call, AsgiValidator(app), "POST", path, body=[b"ab", b"c"])
    (exchange,) = seen

    assert ("http", "POST", "/users/ü", "127.0.0.1") == (
        exchange.kind,
        exchange.method,
        exchange.path,
        exchange.client,
    )
    assert [(b"x-request-id", exchange.id.encode())] == result.headers
    assert (200, "ok", 2) == (exchange.status, exchange.outcome, exchange.response_size)
    assert exchange.end is not None
    assert exchange.start <= (exchange.first_byte or 0) <= exchange.end


def test_a_peer_without_address_is_nobody() -> None:
    """A Unix socket has no client."""
    app, seen = watched(answer)
    in_loop(call, app, scope={"client": None})

    assert [None] == [exchange.client for exchange in seen]


@pytest.mark.parametrize("method", [*sorted(KNOWN_METHODS), "BREW", "get", "X" * 4096])
def test_methods_of_nobody_are_other(method: str) -> None:
    """Only registered methods appear in records."""
    app, seen = watched(answer)
    in_loop(call, app, method)
    expected = method if method in KNOWN_METHODS else "OTHER"

    assert [expected] == [exchange.method for exchange in seen]


def test_generated_ids_are_unique() -> None:
    """Every request has one of its own, 32 hex digits long."""
    app, seen = watched(answer)

    async def ask() -> None:
        for _ in range(100):
            await call(app)

    asyncio.run(ask())

    assert 100 == len({exchange.id for exchange in seen})
    assert {32} == {len(exchange.id) for exchange in seen}


def test_the_exchange_is_current_while_it_is_served() -> None:
    """In the application and in its observers, and no longer."""
    found: list[object] = []

    async def look(scope: Scope, receive: Receive, send: Send) -> None:
        found.extend([current_exchange(), scope[SCOPE_KEY]])
        await answer(scope, receive, send)

    app, seen = watched(
        look, start=(("test", lambda _: found.append(current_exchange())),)
    )

    async def ask() -> Exchange | None:
        await call(app)
        return current_exchange()

    assert asyncio.run(ask()) is None
    assert seen * 3 == found


def test_undos_run_last_first_whatever_happened() -> None:
    """Also when the application raised, and when an undo raises."""
    undone: list[str] = []

    def broken() -> None:
        undone.append("b")
        raise ValueError("undo")

    async def crash(scope: Scope, receive: Receive, send: Send) -> None:
        raise KeyError

    app, seen = watched(
        crash,
        start=(
            ("a", lambda _: lambda: undone.append("a")),
            ("b", lambda _: broken),
            ("c", lambda _: lambda: undone.append("c")),
        ),
    )
    with internal_errors() as counted:
        result = in_loop(call, app)

    assert ["c", "b", "a"] == undone
    assert {"b": 1} == counted
    assert isinstance(result.exception, KeyError)
    assert [(500, "server_error")] == [(one.status, one.outcome) for one in seen]


def test_a_lifespan_passes_untouched() -> None:
    """It is no exchange."""
    scopes: list[Scope] = []

    async def record(scope: Scope, receive: Receive, send: Send) -> None:
        scopes.append(scope)

    app, seen = watched(record)
    scope: Scope = {"type": "lifespan"}
    asyncio.run(app(scope, None, None))  # type: ignore[arg-type]

    assert scopes == [{"type": "lifespan"}]
    assert scope is scopes[0]
    assert [] == seen


def test_a_middleware_inside_of_another_adds_nothing() -> None:
    """A configured application that is mounted in a configured one: one exchange."""
    inner, inner_seen = watched(answer)
    outer, outer_seen = watched(inner)
    in_loop(call, outer)

    assert [0, 1] == [len(inner_seen), len(outer_seen)]


@pytest.mark.parametrize(
    ("path", "root_path", "quiet"),
    [
        ("/health", "", True),
        ("/api/health", "", False),
        ("/api/health", "/api", True),
        ("/health", "/api", True),
        ("/health", "/", True),
        ("/apihealth", "/api", False),
    ],
)
def test_the_root_path_does_not_count_for_quiet(
    path: str, root_path: str, quiet: bool
) -> None:
    """Servers differ in whether a stripped prefix is part of the path."""
    seen: list[Exchange] = []
    app = ExchangeMiddleware(
        answer,
        observers=Observers(finish=(("test", seen.append),)),
        is_quiet=lambda path: path == "/health",
    )
    in_loop(call, app, path=path, scope={"root_path": root_path})

    assert [quiet] == [exchange.quiet for exchange in seen]


def test_a_served_request_leaves_nothing_to_the_garbage_collector() -> None:
    """Exchange and scope know each other, and let go; the pauses stay short."""
    app, seen = watched(answer)
    in_loop(call, app, "GET", "/")
    seen.clear()
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        in_loop(call, app, "GET", "/")
        seen.clear()
        gc.collect()
        left = [thing for thing in gc.garbage if isinstance(thing, Exchange)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert [] == left

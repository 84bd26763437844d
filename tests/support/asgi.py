"""An ASGI server reduced to one connection, in the test's own event loop."""

from collections.abc import Iterable, Sequence
from urllib.parse import unquote

from support._asgi_client import AsgiResult, Client
from support._asgi_order import (
    App,
    AsgiOrderError,
    AsgiValidator,
    Message,
    Receive,
    Scope,
    Send,
)

__all__ = [
    "App",
    "AsgiOrderError",
    "AsgiResult",
    "AsgiValidator",
    "Message",
    "Receive",
    "Scope",
    "Send",
    "call",
    "call_websocket",
]

Header = tuple[str | bytes, str | bytes]


async def call(  # noqa: PLR0913 - the parts of a request
    app: App,
    method: str = "GET",
    path: str = "/",
    *,
    headers: Iterable[Header] = (),
    body: bytes | Sequence[bytes] = b"",
    scope: Scope | None = None,
    disconnect_after: int | None = None,
    truncated: bool = False,
    timeout: float = 10.0,  # noqa: ASYNC109 - a limit for the test, not for the app
) -> AsgiResult:
    """Send one request; an exception of the application is returned, not raised.

    The application runs in a task of its own, as under a server, so that context
    variables do not leak into the test.

    Args:
        app: The application.
        method: The method.
        path: Percent-encoded path, with the query if any.
        headers: Pairs; names are sent in lower case.
        body: One body or its chunks.
        scope: Replaces keys of the scope.
        disconnect_after: The client is gone once this many messages were sent; the
            rest is lost silently, as under uvicorn. 0: before the response.
        truncated: Whether the client goes before the end of the body.
        timeout: Seconds until `TimeoutError`.

    Returns:
        The messages and the outcome.
    """
    chunks = [body] if isinstance(body, bytes) else list(body)
    events: list[Message] = [
        {
            "type": "http.request",
            "body": chunk,
            "more_body": truncated or number < len(chunks),
        }
        for number, chunk in enumerate(chunks, 1)
    ]
    client = Client(events, {"type": "http.disconnect"}, disconnect_after)
    if truncated:
        client.gone.set()
    specific = {"type": "http", "method": method, "scheme": "http"}
    return await client.run(app, _scope(path, headers, specific, scope), timeout)


async def call_websocket(  # noqa: PLR0913 - the parts of a request
    app: App,
    path: str = "/",
    *,
    incoming: Sequence[str | bytes | Message] = (),
    headers: Iterable[Header] = (),
    scope: Scope | None = None,
    close_code: int = 1000,
    timeout: float = 10.0,  # noqa: ASYNC109 - a limit for the test, not for the app
) -> AsgiResult:
    """Open a WebSocket, send messages, disconnect.

    Args:
        app: The application.
        path: Percent-encoded path, with the query if any.
        incoming: Texts, bytes or whole ASGI messages; `websocket.connect` goes before
            them, `websocket.disconnect` after.
        headers: Pairs; names are sent in lower case.
        scope: Replaces keys of the scope.
        close_code: The code of the client's disconnect.
        timeout: Seconds until `TimeoutError`.

    Returns:
        The messages and the outcome.
    """
    events: list[Message] = [{"type": "websocket.connect"}]
    for item in incoming:
        if isinstance(item, str | bytes):
            key = "text" if isinstance(item, str) else "bytes"
            events.append({"type": "websocket.receive", key: item})
        else:
            events.append(item)
    farewell = {"type": "websocket.disconnect", "code": close_code, "reason": ""}
    client = Client(events, farewell)
    client.gone.set()
    specific = {
        "type": "websocket",
        "scheme": "ws",
        "subprotocols": [],
        "extensions": {"websocket.http.response": {}},
    }
    return await client.run(app, _scope(path, headers, specific, scope), timeout)


def _scope(
    target: str, headers: Iterable[Header], specific: Scope, changes: Scope | None
) -> Scope:
    path, _, query = target.partition("?")
    return {
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(_bytes(k).lower(), _bytes(v)) for k, v in headers],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 80),
        "state": {},
        **specific,
        **(changes or {}),
    }


def _bytes(value: str | bytes) -> bytes:
    return value.encode("latin-1") if isinstance(value, str) else value

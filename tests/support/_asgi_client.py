"""The server's side of one ASGI connection."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import anyio

from support._asgi_order import App, Message, Scope


@dataclass(frozen=True)
class AsgiResult:
    """What an application sent, and how it ended."""

    messages: list[Message]
    """Copies, in order."""
    exception: Exception | None
    """What the server would have got."""

    @property
    def status(self) -> int | None:
        """The HTTP status, of a refused WebSocket too; `None` if none was sent."""
        start = self._first("http.response.start", "websocket.http.response.start")
        return start.get("status")

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """The headers of the response or of the accepted WebSocket."""
        start = self._first(
            "http.response.start", "websocket.http.response.start", "websocket.accept"
        )
        return [(name, value) for name, value in start.get("headers") or ()]

    @property
    def body(self) -> bytes:
        """The body chunks joined."""
        return b"".join(
            message.get("body", b"")
            for message in self.messages
            if message["type"].endswith("http.response.body")
        )

    @property
    def close_code(self) -> int | None:
        """The code of `websocket.close`; `None` if the application sent none."""
        close = self._first("websocket.close")
        return close.get("code", 1000) if close else None

    def _first(self, *types: str) -> Message:
        found = (message for message in self.messages if message["type"] in types)
        return next(found, {})


class Client:
    """The server's side of one connection."""

    def __init__(
        self, events: Iterable[Message], farewell: Message, patience: int | None = None
    ) -> None:
        self._events = deque(events)
        self._farewell = farewell
        self._patience = patience
        self._messages: list[Message] = []
        self._exception: Exception | None = None
        self.gone = anyio.Event()
        if patience == 0:
            self.gone.set()

    async def run(self, app: App, scope: Scope, limit: float) -> AsgiResult:
        """Run the application to its end."""
        with anyio.fail_after(limit):
            async with anyio.create_task_group() as group:
                group.start_soon(self._run, app, scope)
        return AsgiResult(self._messages, self._exception)

    async def _run(self, app: App, scope: Scope) -> None:
        try:
            await app(scope, self._receive, self._send)
        except Exception as error:
            self._exception = error

    async def _receive(self) -> Message:
        if self._events:
            return self._events.popleft()
        await self.gone.wait()
        return dict(self._farewell)

    async def _send(self, message: Message) -> None:
        if len(self._messages) == self._patience:
            return
        self._messages.append(dict(message))
        last = message["type"] == "http.response.body" and not message.get("more_body")
        if last or len(self._messages) == self._patience:
            self.gone.set()

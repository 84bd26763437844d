"""The message order that the ASGI specification asks of an application."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class AsgiOrderError(AssertionError):
    """The application sent a message that ASGI does not allow there."""


class AsgiValidator:
    """Pass everything through and hold the application to the specification.

    A violation raises `AsgiOrderError` inside the application and, should a guard
    swallow it there, once more when the application returns.

    Args:
        app: The application to check.
    """

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        order = _ORDERS[scope["type"]](scope)

        async def checked_receive() -> Message:
            message = await receive()
            order.gone |= message["type"].endswith(".disconnect")
            return message

        async def checked_send(message: Message) -> None:
            order.sent(message)
            await send(message)

        await self.app(scope, checked_receive, checked_send)
        order.finished()


class _Order:
    """One connection: the state reached and the first violation."""

    state = "new"
    unfinished: frozenset[str] = frozenset()
    """States in which the application may not return."""

    def __init__(self, scope: Scope) -> None:
        self.extensions = scope.get("extensions") or {}
        self.gone = False
        self.violation: str | None = None

    def sent(self, message: Message) -> None:
        """Take a message or fail."""
        state = self.after(message)
        if state is None:
            self.fail(f"{message.get('type')!r} in state {self.state!r}")
        else:
            self.state = state

    def after(self, message: Message) -> str | None:
        """Check a message; return the next state, `None` if it may not come now."""
        raise NotImplementedError

    def finished(self) -> None:
        """Fail if the application may not return now, or failed before."""
        if self.violation:
            raise AsgiOrderError(self.violation)
        if self.state in self.unfinished and not self.gone:
            self.fail(f"returned in state {self.state!r}")

    def fail(self, violation: str) -> None:
        """Remember the first violation and raise."""
        self.violation = self.violation or violation
        raise AsgiOrderError(violation)

    def typed(self, message: Message, key: str, kind: type, default: Any) -> Any:
        """Return a value of the message, of the right type."""
        value = message.get(key, default)
        # A status may be an IntEnum, but not a boolean.
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self.fail(f"{key} of {message['type']} is {value!r}, not {kind.__name__}")
        return value

    def check_headers(self, message: Message) -> None:
        """Hold headers to byte pairs, lower-case names and no line breaks."""
        message["headers"] = headers = list(message.get("headers") or ())
        for name, value in headers:
            if type(name) is not bytes or type(value) is not bytes:
                self.fail(f"header {name!r}: {value!r} is not bytes")
            if name != name.lower() or not name:
                self.fail(f"header name {name!r} is empty or not lower case")
            if any(char in b"\r\n\0" for char in name + value):
                self.fail(f"header {name!r}: {value!r} holds CR, LF or NUL")


class _HttpOrder(_Order):
    """Start, body chunks, trailers if announced, then nothing."""

    unfinished = frozenset({"new", "started", "trailers"})
    trailers = False

    def after(self, message: Message) -> str | None:  # noqa: PLR0911 - a table
        """Return the next state."""
        match self.state, message.get("type"):
            case "new", "http.response.start":
                self.typed(message, "status", int, None)
                self.check_headers(message)
                self.trailers = self.typed(message, "trailers", bool, False)
                return "started"
            case "started", "http.response.body":
                self.typed(message, "body", bytes, b"")
                more = self.typed(message, "more_body", bool, False)
                return "started" if more else self._ended()
            case "started", "http.response.pathsend" as kind if kind in self.extensions:
                return self._ended()
            case "trailers", "http.response.trailers":
                self.check_headers(message)
                more = self.typed(message, "more_trailers", bool, False)
                return "trailers" if more else "complete"
            case ("new" | "started") as state, (
                "http.response.push" | "http.response.debug"
            ) as kind if kind in self.extensions:
                return state
            case "new", "http.response.early_hint" as kind if kind in self.extensions:
                return "new"
        return None

    def _ended(self) -> str:
        return "trailers" if self.trailers else "complete"


class _WebSocketOrder(_Order):
    """Accept, messages, close; or a refusal by close or response."""

    unfinished = frozenset({"new", "denied"})

    def after(self, message: Message) -> str | None:
        """Return the next state."""
        match self.state, message.get("type"):
            case "new", "websocket.accept":
                self.check_headers(message)
                return "accepted"
            case "new" | "accepted", "websocket.close":
                self.typed(message, "code", int, 1000)
                return "closed"
            case "accepted", "websocket.send":
                kinds = {"text": str, "bytes": bytes}
                filled = [key for key in kinds if message.get(key) is not None]
                if len(filled) != 1:
                    self.fail("websocket.send needs either bytes or text")
                self.typed(message, filled[0], kinds[filled[0]], None)
                return "accepted"
            case "new", "websocket.http.response.start":
                self.typed(message, "status", int, None)
                self.check_headers(message)
                return "denied"
            case "denied", "websocket.http.response.body":
                self.typed(message, "body", bytes, b"")
                more = self.typed(message, "more_body", bool, False)
                return "denied" if more else "closed"
        return None


class _LifespanOrder(_Order):
    """Startup, then shutdown, once each."""

    def after(self, message: Message) -> str | None:
        """Return the next state."""
        match self.state, message.get("type"):
            case "new", "lifespan.startup.complete":
                return "running"
            case "new", "lifespan.startup.failed":
                return "ended"
            case (
                "running",
                "lifespan.shutdown.complete" | "lifespan.shutdown.failed",
            ):
                return "ended"
        return None


_ORDERS: dict[str, type[_Order]] = {
    "http": _HttpOrder,
    "websocket": _WebSocketOrder,
    "lifespan": _LifespanOrder,
}

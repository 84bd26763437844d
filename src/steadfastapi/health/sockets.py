"""Probes of WebSocket handlers. They watch, and take no pod away."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, Unpack

from starlette.websockets import WebSocket, WebSocketDisconnect

from steadfastapi._guard import guard
from steadfastapi.exceptions import ConfigurationError
from steadfastapi.health.model import ProbeResult, ProbeStatus
from steadfastapi.health.passive import PassiveProbe, WatchOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from starlette.types import Message

    from steadfastapi.health.window import Summary

P = ParamSpec("P")
T = TypeVar("T")


class WebSocketProbe(PassiveProbe):
    """Watches a WebSocket handler: connections, messages, errors.

        chat = WebSocketProbe("chat", max_error_rate=0.05)

        @app.websocket("/ws/chat")
        @chat.watch
        async def talk(websocket: WebSocket): ...

    A connection counts when it ends; one that the client closed is no error. Never
    critical unless `add(…, critical=True)` says so.

    Args:
        name: Shown everywhere, unique in an application.
        min_active_connections: Open connections below which it is unhealthy.
        **options: Those of `PassiveProbe`; times are those of whole connections.

    Raises:
        ConfigurationError: An option makes no sense.
    """

    name = "websocket"

    def __init__(
        self,
        name: str | None = None,
        *,
        min_active_connections: int = 0,
        **options: Unpack[WatchOptions],
    ) -> None:
        super().__init__(name, **options)
        if min_active_connections < 0:
            raise ConfigurationError(
                f"{type(self).__name__}(min_active_connections="
                f"{min_active_connections!r}): give 0 or more."
            )
        self.min_active_connections = min_active_connections
        self.active_connections = 0
        self.total_connections = 0
        self.messages_received = 0
        self.messages_sent = 0

    def watch(self, function: Callable[P, T]) -> Callable[P, T]:
        """Watch every connection of a handler, which behaves as before."""
        inner: Any = super().watch(function)

        @functools.wraps(function)
        async def connected(*args: Any, **kwargs: Any) -> Any:
            self.active_connections += 1
            self.total_connections += 1
            guard.call("health.watch", self._count, (*args, *kwargs.values()))
            try:
                return await inner(*args, **kwargs)
            finally:
                self.active_connections -= 1

        watched: Any = connected
        return watched  # type: ignore[no-any-return]  # with the handler's signature

    def error_of(self, exception: BaseException) -> tuple[str, int]:
        """Return what an exception counts as; that the client left is no error."""
        if isinstance(exception, WebSocketDisconnect):
            return "", 0
        return super().error_of(exception)

    def judged(self) -> ProbeResult:
        """Return the verdict over the connections that ended, and those that are."""
        result = super().judged()
        few = self.active_connections < self.min_active_connections
        if few:
            reason = (
                f"{self.active_connections} open connections, "
                f"not {self.min_active_connections}"
            )
            error = "; ".join(part for part in (result.error, reason) if part)
            update = {"status": ProbeStatus.UNHEALTHY, "error": error}
            return result.model_copy(update=update)
        if self.active_connections and not result.has_data:
            return result.model_copy(update={"status": ProbeStatus.HEALTHY})
        return result

    def traffic(self, summary: Summary | None = None) -> dict[str, Any]:
        """Return the figures of the window, and the connections of all time."""
        return {
            "active_connections": self.active_connections,
            "total_connections": self.total_connections,
            "messages_received": self.messages_received,
            "messages_sent": self.messages_sent,
            **super().traffic(summary),
        }

    def _count(self, arguments: Iterable[Any]) -> None:
        """Count the messages of the socket among the handler's arguments."""
        socket = next((one for one in arguments if isinstance(one, WebSocket)), None)
        if socket is None:
            return
        receive, send = socket.receive, socket.send

        async def counted_receive() -> Message:
            message = await receive()
            self.messages_received += message["type"] == "websocket.receive"
            return message

        async def counted_send(message: Message) -> None:
            await send(message)
            self.messages_sent += message["type"] == "websocket.send"

        # All of `receive_text`, `iter_json`, `send_bytes` … go through these two.
        vars(socket).update(receive=counted_receive, send=counted_send)


FastAPIWebSocketProbe = WebSocketProbe
"""fastapi-watch's name."""

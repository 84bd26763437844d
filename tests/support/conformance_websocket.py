"""The rules of a WebSocket and of the lifespan, for `support.conformance`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.conformance_http import header_problem

if TYPE_CHECKING:
    from support.asgi import Message, Scope

DENIAL = "websocket.http.response"
"""The extension that a refusal with a response needs."""
RESERVED = frozenset({1004, 1005, 1006, 1015})
"""Close codes that no frame may carry (RFC 6455, 7.4.1)."""


def _frame_problem(message: Message) -> str | None:
    filled = [key for key in ("bytes", "text") if message.get(key) is not None]
    if len(filled) != 1:
        return f"{message['type']} has {len(filled)} of bytes and text"
    kind = bytes if filled == ["bytes"] else str
    if not isinstance(message[filled[0]], kind):
        return f"{message['type']} has {filled[0]} of another type"
    return None


class WebSocketRules:
    """One WebSocket connection."""

    def __init__(self, scope: Scope) -> None:
        self._extensions = scope.get("extensions") or {}
        self._offered = list(scope.get("subprotocols") or ())
        self._state = "new"
        self._connected = self._gone = False

    def received(  # noqa: PLR0911 - a sentence for each rule
        self, message: Message
    ) -> str | None:
        """The connect first, frames once it is accepted, the disconnect last."""
        kind = message["type"]
        if kind == "websocket.connect":
            again, self._connected = self._connected, True
            return "receives a second connect" if again else None
        if not self._connected:
            return f"receives {kind!r} before the connect"
        if kind == "websocket.disconnect":
            self._gone = True
            code = message.get("code", 1005)
            return None if isinstance(code, int) else f"disconnect has code {code!r}"
        if kind != "websocket.receive":
            return f"receives {kind!r}"
        if self._gone:
            return "receives a frame after the disconnect"
        if self._state != "accepted":
            return f"receives a frame in the state {self._state!r}"
        return _frame_problem(message)

    def sent(  # noqa: PLR0911 - a line for each rule
        self, message: Message
    ) -> str | None:
        """Accept, frames, close; or a refusal by close or by a response."""
        kind = message.get("type")
        match self._state, kind:
            case "new", "websocket.accept":
                self._state = "accepted"
                return self._accept(message)
            case "accepted", "websocket.send":
                return _frame_problem(message)
            case (("new" | "accepted"), "websocket.close"):
                self._state = "closed"
                return self._close(message)
            case "new", "websocket.http.response.start":
                self._state = "denied"
                return self._deny(message)
            case "denied", "websocket.http.response.body":
                if not isinstance(message.get("body", b""), bytes):
                    return "refuses with a body that is no bytes"
                more = message.get("more_body", False)
                self._state = "denied" if more else "closed"
                return None
        return f"sends {kind!r} in the state {self._state!r}"

    def finished(self) -> str | None:
        """The handshake must be answered; an open connection is the server's."""
        if self._state in ("new", "denied") and not self._gone:
            return f"returns in the state {self._state!r}"
        return None

    def _accept(self, message: Message) -> str | None:
        chosen = message.get("subprotocol")
        if chosen is not None and chosen not in self._offered:
            return f"accepts with {chosen!r}, which was not offered"
        headers = list(message.get("headers") or ())
        if any(name == b"sec-websocket-protocol" for name, _ in headers):
            return "accepts with a subprotocol in a header"
        return header_problem(headers)

    def _close(self, message: Message) -> str | None:
        code = message.get("code", 1000)
        if not isinstance(code, int) or not 1000 <= code <= 4999 or code in RESERVED:
            return f"closes with the code {code!r}"
        reason = message.get("reason")
        if reason is not None and len(str(reason).encode()) > 123:
            return "closes with a reason that no frame holds"
        return None

    def _deny(self, message: Message) -> str | None:
        if DENIAL not in self._extensions:
            return "refuses with a response, which the server has not offered"
        status = message.get("status")
        if not isinstance(status, int) or not 200 <= status <= 599:
            return f"refuses with the status {status!r}"
        return header_problem(message.get("headers", ()))


class LifespanRules:
    """The life of an application."""

    def __init__(self, _scope: Scope) -> None:
        self._asked: list[str] = []
        self._answered: list[str] = []

    def received(self, message: Message) -> str | None:
        """The startup, then the shutdown."""
        self._asked.append(message["type"])
        expected = ["lifespan.startup", "lifespan.shutdown"][: len(self._asked)]
        return None if self._asked == expected else f"receives {self._asked}"

    def sent(self, message: Message) -> str | None:
        """One answer to each, once it was asked; none after a failed startup."""
        kind = str(message.get("type"))
        self._answered.append(kind)
        phase = "startup" if len(self._answered) == 1 else "shutdown"
        outcomes = {f"lifespan.{phase}.complete", f"lifespan.{phase}.failed"}
        if kind not in outcomes or len(self._answered) > len(self._asked):
            return f"sends {kind!r} when it was asked {self._asked}"
        if self._answered[:-1] == ["lifespan.startup.failed"]:
            return "goes on after a failed startup"
        if not isinstance(message.get("message", ""), str):
            return "fails with a message that is no text"
        return None

    def finished(self) -> str | None:
        """Each question has its answer."""
        if len(self._answered) < len(self._asked):
            return f"returns with {self._asked[-1]!r} unanswered"
        return None

"""The rules of ASGI for one seam: both directions, and what servers hold to besides.

Stricter than `AsgiValidator`: it also reads what is received, knows which messages need
an extension, and has the rules of HTTP that uvicorn's parsers enforce (RFC 9110 and
9112). Violations are collected, not raised, so that a guard cannot swallow one and
nothing changes because somebody looks.

Sources: the ASGI specification 3.0, "HTTP & WebSocket" 2.5, "Lifespan" 2.0 and the
extensions; uvicorn 0.54 `protocols/`; Starlette 1.10.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from support.conformance_http import HttpRules
from support.conformance_websocket import LifespanRules, WebSocketRules

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.asgi import App, Message, Receive, Scope, Send


class Rules(Protocol):
    """What may pass on one connection; each returns a sentence, or None."""

    def received(self, message: Message) -> str | None:
        """Judge what goes inward."""

    def sent(self, message: Message) -> str | None:
        """Judge what goes outward."""

    def finished(self) -> str | None:
        """Judge the return."""


RULES: dict[str, Callable[[Scope], Rules]] = {
    "http": HttpRules,
    "websocket": WebSocketRules,
    "lifespan": LifespanRules,
}


@dataclass
class Seams:
    """What went through the seams of a stack."""

    violations: list[str] = field(default_factory=list)
    """Seam and sentence; empty when everything was in order."""
    passed: dict[str, int] = field(default_factory=dict)
    """Messages, of both directions, by seam."""

    def note(self, seam: str, violation: str) -> None:
        """Add a violation."""
        self.violations.append(f"{seam}: {violation}")


class SeamValidator:
    """Watch one seam: what stands outside of it is the server, inside the application.

    Args:
        app: What stands inside.
        seam: Its name, for the report.
        seams: Where violations go.
    """

    def __init__(self, app: App, seam: str, seams: Seams) -> None:
        self.app = app
        self._seam = seam
        self._seams = seams
        seams.passed.setdefault(seam, 0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Watch one connection."""
        rules = RULES[scope["type"]](scope)
        returned = False
        receiving = 0

        def judge(problem: str | None) -> None:
            if problem is not None:
                self._seams.note(self._seam, f"{scope.get('path', '')} {problem}")

        async def watched_receive() -> Message:
            nonlocal receiving
            if returned:
                judge("receives after it has returned")
            if receiving and scope["type"] == "websocket":
                # uvicorn's libraries refuse the second one.
                judge("receives twice at the same time")
            receiving += 1
            try:
                message = await receive()
            finally:
                receiving -= 1
            self._seams.passed[self._seam] += 1
            judge(rules.received(message))
            return message

        async def watched_send(message: Message) -> None:
            if returned:
                judge(f"sends {message['type']} after it has returned")
            self._seams.passed[self._seam] += 1
            judge(rules.sent(message))
            await send(message)

        try:
            await self.app(scope, watched_receive, watched_send)
        except BaseException:
            returned = True  # the server answers, or closes: anything may be open
            raise
        returned = True
        judge(rules.finished())

"""The single pass: one middleware that builds one exchange per request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from steadfastapi._exchange import SCOPE_KEY, Exchange, current, no_route
from steadfastapi._guard import guard
from steadfastapi._observers import Observers
from steadfastapi._predicates import path_in_app
from steadfastapi._recorders import HTTPRecorder, WebSocketRecorder
from steadfastapi._request_id import RequestIds

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

KNOWN_METHODS = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"}
)
"""RFC 9110 section 9 and RFC 5789. Every other method is `OTHER` in records: the
method is the client's to choose, and a label must not be (PROM-1)."""

_WELL_FORMED_ID = re.compile(rb"[A-Za-z0-9._-]{8,128}").fullmatch


_request_ids = RequestIds()


def _never(_path: str) -> bool:
    return False


class ExchangeMiddleware:
    """Build one `Exchange` per request and hand it to the observers.

    The outermost piece of the plan: what it sees is what the client gets, refusals
    and errors of every middleware included.

    Args:
        app: The application inside.
        observers: Who watches.
        route_of: Resolves the route template from a finished scope.
        is_quiet: Whether a path belongs to health checks or metrics.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        observers: Observers | None = None,
        route_of: Callable[[Scope], str | None] = no_route,
        is_quiet: Callable[[str], bool] = _never,
    ) -> None:
        self.app = app
        self.observers = observers or Observers()
        self._route_of = route_of
        self._is_quiet = is_quiet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] not in ("http", "websocket") or SCOPE_KEY in scope:
            # Lifespan, or a configured application mounted in a configured one.
            await self.app(scope, receive, send)
            return
        exchange, has_origin = self._begin(scope)
        recorder_type = HTTPRecorder if exchange.kind == "http" else WebSocketRecorder
        recorder = recorder_type(exchange, receive, send, has_origin)
        exchange.nested = current.get() is not None
        token = current.set(exchange)
        undos = self.observers.on_start(exchange)
        try:
            await self.app(scope, recorder.receive, recorder.send)
        except BaseException as error:
            recorder.close(error)
            raise
        else:
            recorder.close(None)
        finally:
            for component, undo in reversed(undos):
                try:
                    undo()
                except Exception as error:
                    guard.swallow(component, error)
            current.reset(token)
            # The exchange knows the scope and the scope the exchange: taken apart
            # here, both are freed at once, and the garbage collector has less to do.
            scope.pop(SCOPE_KEY, None)
            exchange.scope.pop(SCOPE_KEY, None)

    def _begin(self, scope: Scope) -> tuple[Exchange, bool]:
        inbound: bytes | None = None
        has_origin = False
        for name, value in scope["headers"]:
            if name == b"x-request-id":
                inbound = value
            elif name == b"origin":
                has_origin = True
        if inbound is not None and _WELL_FORMED_ID(inbound):
            request_id = inbound.decode("ascii")
        else:
            request_id = _request_ids.next()
        kind = scope["type"]
        method = scope["method"] if kind == "http" else "WEBSOCKET"
        if kind == "http" and method not in KNOWN_METHODS:
            method = "OTHER"
        client = scope.get("client")
        exchange = Exchange(
            id=request_id,
            kind=kind,
            method=method,
            path=scope["path"],
            client=client[0] if client else None,
            scope=scope,
            quiet=self._is_quiet(path_in_app(scope)),
            route_of=self._route_of,
            observers=self.observers,
        )
        scope[SCOPE_KEY] = exchange
        return exchange, has_origin

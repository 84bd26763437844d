"""The layer's piece: it opens the way through the limits, and watches the rest.

Decisions about a route fall at its gate (see `gates`). What comes to no gate, an
unknown path above all, is decided when its response starts: nothing has been read or
called for it by then, and the refusal takes the response's place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.requests import ClientDisconnect

from steadfastapi._exchange import SCOPE_KEY
from steadfastapi._guard import guard
from steadfastapi.limits import answer, gates, headers
from steadfastapi.limits.gates import PASSAGE_KEY
from steadfastapi.signals import UNMATCHED

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from steadfastapi._exchange import Exchange
    from steadfastapi.limits.enforcer import Decision, Enforcer, Target
    from steadfastapi.limits.survey import Survey

_STARTS = headers.STARTS | {"websocket.accept", "websocket.close"}


class LimitMiddleware:
    """Enforce the limits of an application.

    Built when the application is complete, it surveys it then.

    Args:
        app: The application inside.
        survey: Which routes are limited.
        enforcer: Decides.
    """

    def __init__(self, app: ASGIApp, *, survey: Survey, enforcer: Enforcer) -> None:
        self.app = app
        self._survey = survey
        self._enforcer = enforcer
        guard.call("limits.survey", survey.look)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        survey = self._survey
        if survey.is_stale():
            guard.call("limits.survey", survey.look)
        exchange: Exchange | None = scope.get(SCOPE_KEY)
        if (
            not survey.active
            or exchange is None
            or exchange.quiet
            or PASSAGE_KEY in scope  # mounted in a configured application
        ):
            await self.app(scope, receive, send)
            return
        if survey.adopts:
            # slowapi's decorators read it, whatever it is.
            scope.setdefault("state", {})["view_rate_limit"] = None
        passage = scope[PASSAGE_KEY] = Passage(self._enforcer, survey, exchange)
        if survey.unmatched.marks:
            send = passage.watching(scope, receive, send)
        await self.app(scope, receive, send)
        if not passage.decided and survey.own_marks(scope.get("endpoint")):
            # Added after the start, below a router where its number does not show.
            guard.call("limits.survey", survey.look)


class Passage:
    """One request's way through the limits."""

    __slots__ = ("_enforcer", "_exchange", "_survey", "_wrong_method", "decided")

    def __init__(self, enforcer: Enforcer, survey: Survey, exchange: Exchange) -> None:
        self._enforcer = enforcer
        self._survey = survey
        self._exchange = exchange
        self._wrong_method = False
        self.decided = False

    async def enter(
        self, route: Any, handle: Any, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Decide about a matched route, then let `handle` serve it or refuse."""
        effective = gates.effective(route, scope)
        methods = getattr(effective, "methods", None)
        if methods and scope["type"] == "http" and scope["method"] not in methods:
            self._wrong_method = True
            await handle(scope, receive, send)  # 405, which is no way to the endpoint
            return
        self.decided = True
        self._exchange.scope = scope
        target = self._survey.target(effective)
        decision = await self._decide(target, scope)
        if decision is None:
            await handle(scope, receive, send)
        elif decision.verdict.granted:
            fields = self._fields(decision)
            if fields:
                send = headers.adding(send, fields)
            await handle(scope, receive, send)
        else:
            await self._refuse(decision, scope, receive, send)

    def watching(self, scope: Scope, receive: Receive, send: Send) -> Send:
        """Return `send`, deciding about what has come to no gate."""
        refused = False

        async def watch(message: Message) -> None:
            nonlocal refused
            if refused:
                if message.get("more_body"):
                    raise ClientDisconnect  # a stream would go on for ever
                return
            if not self.decided and message["type"] in _STARTS:
                self.decided = True
                decision = None
                if not _is_preflight(scope):
                    decision = await self._decide(self._ungated(scope), scope)
                if decision is not None and not decision.verdict.granted:
                    refused = True
                    await self._refuse(decision, scope, receive, send)
                    return
            await send(message)

        return watch

    def _ungated(self, scope: Scope) -> Target:
        """Return what limits a request that has come to no gate."""
        survey = self._survey
        if self._wrong_method or not survey.own_marks(scope.get("endpoint")):
            return survey.unmatched
        guard.call("limits.survey", survey.look)  # a route that was added later
        return survey.target(gates.effective(scope.get("route"), scope))

    async def _decide(self, target: Target, scope: Scope) -> Decision | None:
        matched = target is not self._survey.unmatched
        template = self._exchange.resolve_route() if matched else UNMATCHED
        try:
            return await self._enforcer.decide(
                target, self._exchange, scope, template or UNMATCHED
            )
        except Exception as error:
            guard.swallow("limits.decision", error)
            return None

    async def _refuse(
        self, decision: Decision, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if decision.verdict.unavailable:
            await answer.unavailable(scope, receive, send)
            return
        self._exchange.outcome = "limited"
        limit, wait = decision.refused
        retry_after = headers.seconds(wait)
        send = headers.adding(send, self._fields(decision), retry_after)
        await answer.refused(scope, receive, send, limit.limit, retry_after)

    def _fields(self, decision: Decision) -> headers.Fields:
        standings = decision.verdict.standings
        fields: headers.Fields = []
        if not standings:
            return fields
        if self._enforcer.policy.headers:
            names = [limit.text for limit in decision.limits]
            fields += headers.fields(names, decision.demands, standings)
        if decision.legacy:
            fields += headers.legacy_fields(decision.demands, standings)
        return fields


def _is_preflight(scope: Scope) -> bool:
    """Return whether a browser asks what a page of another origin may send."""
    return scope.get("method") == "OPTIONS" and any(
        name == b"access-control-request-method" for name, _ in scope["headers"]
    )

"""Apply a plan to an application: the only code that changes it.

What must know the whole application waits until it is complete, which is when
Starlette builds its middleware stack, at the first ASGI call: the order (user code
may add middleware after `configure`), the mounts, and the handlers of errors.
"""

from __future__ import annotations

import weakref
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.responses import Response

from steadfastapi._boundary import ErrorBoundary
from steadfastapi._callables import is_async
from steadfastapi._exchange import SCOPE_KEY
from steadfastapi._guard import guard
from steadfastapi._lifespan import Lifespans
from steadfastapi._middleware import ExchangeMiddleware
from steadfastapi._routes import (
    MountedApp,
    OperationsRoute,
    RouteTable,
    mounted_apps,
    route_template,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.types import ASGIApp, Scope

    from steadfastapi._plan import ErrorContract, OpenAPIEdit, Plan

_configured: weakref.WeakSet[Any] = weakref.WeakSet()
"""Applications with a plan of their own, also when mounted in another one."""

_UNHANDLED = (500, Exception)
"""Keys under which Starlette keeps a handler of unhandled errors."""


@dataclass(slots=True)
class Applied:
    """What was done to an application, for the stack to show."""

    lifespans: Lifespans
    mounts: list[MountedApp] = field(default_factory=list)
    table: RouteTable = field(default_factory=RouteTable)
    ours: list[Middleware] = field(default_factory=list)
    documents: dict[Any, dict[str, Any]] = field(default_factory=dict)
    """The OpenAPI document that was completed last, by application."""


def apply(app: FastAPI, plan: Plan) -> Applied:
    """Change `app` as the plan says."""
    applied = Applied(Lifespans(plan.lifespan_parts, checks=plan.checks))
    _configured.add(app)
    for set_up in plan.set_ups:
        set_up()
    if plan.pages or plan.areas:
        pages = {page.path: page for page in plan.pages}
        app.router.routes.insert(0, OperationsRoute(pages, plan.areas))
    router: Any = app.router
    router.lifespan_context = applied.lifespans.around(router.lifespan_context)
    _set_telemetry(app, plan.telemetry)
    _complete_openapi(app, plan.openapi_edits, applied)
    _build_later(app, plan, applied)
    return applied


def _set_telemetry(app: Any, settings: dict[str, Any]) -> None:
    # FastAPI takes these in its constructor only; the mapping that it reads on
    # every request is the one it was given (0.142 and newer).
    config = getattr(app, "_telemetry", None)
    if isinstance(config, dict):
        config.update(settings)


def _complete_openapi(app: Any, edits: Sequence[OpenAPIEdit], applied: Applied) -> None:
    original: Callable[[], dict[str, Any]] = app.openapi
    if not edits or getattr(original, "is_complete", False):
        return

    def openapi() -> dict[str, Any]:
        document = original()  # FastAPI caches it; the same object means: done
        if document is not applied.documents.get(app):
            for edit in edits:
                guard.call("openapi", edit, document)
            applied.documents[app] = document
        return document

    openapi.is_complete = True  # type: ignore[attr-defined]
    app.openapi = openapi


def _build_later(app: Any, plan: Plan, applied: Applied) -> None:
    original: Callable[[], ASGIApp] = app.build_middleware_stack

    def build_middleware_stack() -> ASGIApp:
        guard.call("apply", _survey, app, plan, applied)
        guard.call("apply", _complete, app, plan, applied)
        with _taken_over(app, plan):
            return original()

    app.build_middleware_stack = build_middleware_stack


def _survey(app: Any, plan: Plan, applied: Applied) -> None:
    """The application is complete: see what it holds, mounted applications above all.

    Should that fail, on routes of an unknown kind, the rest works all the same.
    """
    # Once more: user code may have replaced it.
    _complete_openapi(app, plan.openapi_edits, applied)
    applied.mounts = mounted_apps(app)
    applied.table = RouteTable.of(app)
    for mount in applied.mounts:
        if not mount.covered or mount.app in _configured:
            continue
        if plan.telemetry.get("tracing") is False:
            # It would start a second server span; its metrics and logs stay its own.
            _set_telemetry(mount.app, {"tracing": False})
        if plan.contract is not None:
            _cover(mount.app, plan.contract)
            if hasattr(mount.app, "openapi"):
                _complete_openapi(mount.app, plan.mount_openapi_edits, applied)


def _complete(app: Any, plan: Plan, applied: Applied) -> None:
    """Put everything in order."""
    if plan.contract is not None:
        plan.contract.adopt(app)
    user = [entry for entry in app.user_middleware if entry not in applied.ours]
    outer, inner = _pieces(app, plan, applied, user)
    applied.ours = [*outer, *inner]
    app.user_middleware[:] = [*outer, *user, *inner]


def _pieces(
    app: Any, plan: Plan, applied: Applied, user: list[Middleware]
) -> tuple[list[Middleware], list[Middleware]]:
    """Return our middleware outside and inside of the user's, as `ORDER` says."""
    outer, inner = plan.ordered_pieces()

    def route_of(scope: Scope) -> str | None:
        return route_template(scope, applied.table)

    exchange = Middleware(
        ExchangeMiddleware,
        observers=plan.observers(),
        route_of=route_of,
        is_quiet=plan.is_quiet(),
    )
    span = [_middleware(piece) for piece in outer]
    inside = [_middleware(piece) for piece in inner]
    contract = plan.contract
    if contract is None:
        return [*span, exchange], [Middleware(ErrorBoundary), *inside]
    handler = unhandled_handler(app)
    boundary = Middleware(
        ErrorBoundary, respond=contract.responder(handler), refine=contract.refine
    )
    outside = [*span, exchange]
    cap = contract.body_cap(app, user)
    if cap or user:  # else no error can arise outside of the inner boundary
        respond = contract.outer_responder(handler, user)
        outside += [Middleware(ErrorBoundary, respond=respond), *cap]
    return outside, [boundary, *contract.body_limit(app), *inside]


def _middleware(piece: Any) -> Middleware:
    return Middleware(piece.factory, **piece.arguments)


def _cover(app: Any, contract: ErrorContract) -> None:
    """Give a mounted FastAPI or Starlette application the same contract."""
    if any(entry.cls is ErrorBoundary for entry in app.user_middleware):
        return
    contract.adopt(app)
    handler, user = unhandled_handler(app), list(app.user_middleware)
    app.user_middleware[:] = [
        Middleware(ErrorBoundary, respond=contract.outer_responder(handler, user)),
        *user,
        Middleware(
            ErrorBoundary,
            respond=contract.responder(handler),
            refine=contract.refine,
        ),
    ]
    for key in _UNHANDLED:
        if key in app.exception_handlers:
            app.exception_handlers[key] = _without_exchange(app.exception_handlers[key])
    app.middleware_stack = None  # built anew at its next call


def _without_exchange(handler: Any) -> Any:
    """Let Starlette call a handler of unhandled errors only where nobody else has.

    Below a configured application the boundary has answered with it (CONTRACT-2);
    served by itself, the mounted application must answer as ever.
    """

    async def handle(request: Request, error: Exception) -> Any:
        if SCOPE_KEY in request.scope:
            return Response(status_code=500)  # discarded: the response has started
        if is_async(handler):
            return await handler(request, error)
        return await run_in_threadpool(handler, request, error)

    return handle


def unhandled_handler(app: Any) -> Any | None:
    """Return the application's own handler of unhandled errors."""
    for key in _UNHANDLED:
        if key in app.exception_handlers:
            return app.exception_handlers[key]
    return None


@contextmanager
def _taken_over(app: Any, plan: Plan) -> Iterator[None]:
    """Hide from Starlette what the boundary does instead, while the stack is built.

    Its outermost middleware would run the handler of unhandled errors a second time
    and discard the response (CONTRACT-2), and answer an oversized body in plain
    text outside of every middleware (CONTRACT-4).
    """
    if plan.contract is None:
        yield
        return
    handlers = dict(app.exception_handlers)
    limit = getattr(app, "max_body_size", None)
    for key in _UNHANDLED:
        app.exception_handlers.pop(key, None)
    if limit is not None:
        app.max_body_size = None
    try:
        yield
    finally:
        app.exception_handlers.clear()
        app.exception_handlers.update(handlers)
        if limit is not None:
            app.max_body_size = limit

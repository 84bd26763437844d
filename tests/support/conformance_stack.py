"""A validator between each two neighbours of a configured application's stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.middleware import Middleware

from steadfastapi import Stack, configure
from support.conformance import Seams, SeamValidator

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fastapi import FastAPI
    from starlette.types import ASGIApp

    from support.asgi import App


def conforming(
    app: FastAPI, mounts: Iterable[FastAPI] = (), **settings: Any
) -> tuple[App, Stack, Seams]:
    """Configure an application with validators around every piece of ours.

    Args:
        app: The application.
        mounts: Applications that are mounted in it, whose stacks are ours too.
        **settings: For `configure`.

    Returns:
        What to serve, its stack, and what the validators see.
    """
    seams = Seams()
    for place, one in [("", app), *((mount.title, mount) for mount in mounts)]:
        _interleave(one, place, seams)
    stack = configure(app, **settings)
    return SeamValidator(app, "server", seams), stack, seams


def _interleave(app: Any, place: str, seams: Seams) -> None:
    """Wrap what builds the stack, before `configure` does and therefore inside of it.

    By the time it is called, `configure` has put its own middleware in order.
    """
    build = app.build_middleware_stack

    def build_interleaved() -> ASGIApp:
        kept = list(app.user_middleware)
        names = [f"{place} {entry.cls.__name__}".strip() for entry in kept]
        app.user_middleware[:] = [
            each
            for name, entry in zip(names, kept, strict=True)
            for each in (_validator(f"outside of {name}", seams), entry)
        ]
        app.user_middleware.append(
            _validator(f"{place} around the router".strip(), seams)
        )
        try:
            built: ASGIApp = build()
        finally:
            app.user_middleware[:] = kept
        return built

    app.build_middleware_stack = build_interleaved


def _validator(seam: str, seams: Seams) -> Middleware:
    # Two boundaries of one class stand in a stack: each has a seam of its own.
    names = [one for one in seams.passed if one.partition(" #")[0] == seam]
    name = f"{seam} #{len(names) + 1}" if names else seam
    seams.passed[name] = 0
    return Middleware(SeamValidator, seam=name, seams=seams)

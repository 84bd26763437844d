"""The ASGI application below the console's path: lets in, routes, answers.

Nothing below that path is answered before `Access` has said who asks, except the
login and the static files, which are the same for everybody.
"""

from __future__ import annotations

import logging
from functools import cached_property
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from steadfastapi._guard import guard
from steadfastapi._predicates import path_in_app, under
from steadfastapi._routes import endpoints, mounted_apps
from steadfastapi._streams import Streams
from steadfastapi.console import assets
from steadfastapi.console.access.login import Login
from steadfastapi.console.access.refusals import Refusals, below_of
from steadfastapi.console.look import Look
from steadfastapi.console.queries import Refused
from steadfastapi.console.visit import Page, Visit
from steadfastapi.exceptions import BadQueryError, StoreError

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from steadfastapi.console.access.admission import Access, Admitted
    from steadfastapi.console.sources import Sources

DEADLINE = 15.0
"""Seconds for a page; the stores have shorter ones of their own."""
FAILED = "This page failed; the application goes on."

_logger = logging.getLogger("steadfastapi.console")


class Frame:
    """Serves the console of one application.

    Args:
        path: Where: `/ops`.
        sources: What there is to show.
        access: Who may see it.
        streams: How many event streams there may be.
        link: Whether an address with the token logs in.
    """

    def __init__(
        self, path: str, sources: Sources, access: Access, *, streams: int, link: bool
    ) -> None:
        self.path = path
        self.sources = sources
        self.access = access
        self.streams = Streams(streams)
        self.look = Look(service=sources.service, base=path, static=f"{path}/static")
        self._login = Login(access, self.look, link=link)
        self._refusals = Refusals(access, self.look, path)

    @cached_property
    def steps_back(self) -> bool:
        """Whether the application has routes of its own here, which then serve."""
        app = self.sources.plan.app
        here = under(self.path)
        found = guard.call("console.routes", endpoints, app) or []
        mounts = guard.call("console.routes", mounted_apps, app) or []
        paths = {path for path, _ in found} | {mount.template for mount in mounts}
        own = sorted(path for path in paths if here(path))
        if own:
            _logger.warning(
                "there is no console: the application has routes of its own at %s; "
                "set Console(path=…) to another path than %s",
                ", ".join(own[:5]),
                self.path,
            )
        return bool(own)

    @cached_property
    def routes(self) -> list[tuple[Route, Page]]:
        """Every page that somebody has to be let in for."""
        # With the first visit: nobody else pays for the pages.
        from steadfastapi.console.pages import catalogue  # noqa: PLC0415

        every = [*self._login.pages(), *catalogue.every(self.sources)]
        return [(self._route(page), page) for page in every]

    @cached_property
    def _nav(self) -> tuple[tuple[str, str], ...]:
        return tuple((page.path, page.title) for _, page in self.routes if page.nav)

    def _warm(self) -> None:
        """Import the pages; in a thread, as the first visit should hold up nobody."""
        assets.every()
        _ = self.routes

    def _route(self, page: Page) -> Route:
        path = self.path + ("" if page.path == "/" else page.path)
        # Never called: it has the pattern, and the template for the records.
        return Route(path, _unused, methods=list(page.methods))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        request = Request(scope, receive)
        response = await self._respond(request)
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        try:
            return await self._answer(request)
        except ClientDisconnect:
            raise
        except Refused as refused:
            return await self._refusals.answer(request, refused)
        except Exception as error:
            guard.swallow("console.frame", error)
            return await self._refusals.answer(request, Refused(500, FAILED))

    async def _answer(self, request: Request) -> Response:
        below = below_of(request, self.path)
        if below.startswith("/static/") and request.method in ("GET", "HEAD"):
            request.scope["route"] = Route(f"{self.path}/static/{{path}}", _unused)
            digest, _, name = below.removeprefix("/static/").partition("/")
            return assets.answer(digest, name, head=request.method == "HEAD")
        door = self._login.doors().get(below)
        if door is not None:
            request.scope["route"] = Route(self.path + below, _unused)
            return _bodiless(request, await door(request))
        if "routes" not in vars(self):
            await anyio.to_thread.run_sync(self._warm)
        page, allowed = self._match(request)
        admitted = await self.access.admit(request)
        response = await self._page(request, page, allowed, admitted)
        if admitted.set_cookie:
            response.headers.append("Set-Cookie", admitted.set_cookie)
        return _bodiless(request, response)

    async def _page(
        self,
        request: Request,
        page: Page | None,
        allowed: list[str],
        admitted: Admitted,
    ) -> Response:
        """Return what a page says to somebody who is in."""
        visit = self._visit(request, page or _NOWHERE, admitted)
        try:
            if page is None and allowed:
                allow = {"Allow": ", ".join(allowed)}
                raise Refused(405, "Method Not Allowed", allow)  # noqa: TRY301
            with anyio.fail_after(DEADLINE):
                return await visit.page.handler(visit)
        except ClientDisconnect:
            raise
        except Refused as refused:
            return await self._refusals.answer(request, refused, visit)
        except BadQueryError as error:
            return await self._refusals.answer(request, Refused(422, str(error)), visit)
        except (StoreError, TimeoutError) as error:
            detail = str(error) or f"There was no answer in {DEADLINE:g} s."
            return await self._refusals.answer(request, Refused(503, detail), visit)
        except Exception as error:
            guard.swallow("console.page", error)
            return await self._refusals.answer(request, Refused(500, FAILED), visit)

    def _visit(self, request: Request, page: Page, admitted: Admitted) -> Visit:
        return Visit(
            request=request,
            page=page,
            identity=admitted.identity,
            sources=self.sources,
            look=self.look,
            nav=self._nav,
            streams=self.streams,
            form=admitted.form,
            csrf=admitted.csrf,
            still_in=admitted.still_in,
        )

    def _match(self, request: Request) -> tuple[Page | None, list[str]]:
        """Return the page of a request, and the methods that its path knows."""
        path = path_in_app(request.scope).rstrip("/")
        method = "GET" if request.method == "HEAD" else request.method
        allowed: list[str] = []
        for route, page in self.routes:
            found = route.path_regex.match(path)
            if found is None:
                continue
            request.scope["route"] = route
            if method in page.methods:
                values: dict[str, Any] = {
                    name: route.param_convertors[name].convert(value)
                    for name, value in found.groupdict().items()
                }
                request.scope["path_params"] = values
                return page, allowed
            allowed += page.methods
        return None, allowed


async def _nowhere(visit: Visit) -> Response:  # noqa: ARG001 - a page's handler
    raise Refused(404, "There is no such page.")


_NOWHERE = Page(path="", handler=_nowhere)


async def _unused(request: Request) -> Response:  # noqa: ARG001 - an endpoint
    return Response(status_code=404)


def _bodiless(request: Request, response: Response) -> Response:
    """Return an answer without its body to a HEAD request."""
    if request.method == "HEAD" and hasattr(response, "body"):
        response.body = b""  # the length in the headers stays
    return response

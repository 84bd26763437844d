"""One request that was let in, as its page sees it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from steadfastapi.console import headers, queries
from steadfastapi.console.access import audit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from starlette.requests import Request

    from steadfastapi._streams import Streams
    from steadfastapi.console.access.identity import Identity
    from steadfastapi.console.look import Look
    from steadfastapi.console.sources import Sources


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of the console, or an endpoint of its JSON API.

    Args:
        path: Below the console: `/issues/{issue}`, `/api/issues`. What begins with
            `/api/` answers 401 to strangers, everything else sends them to the login.
        handler: `async def show(visit: Visit) -> Response`. May raise `Refused`,
            `BadQueryError` (422) and `StoreError` (503).
        title: Of the page, and in the navigation.
        nav: Whether the navigation has it.
        methods: GET (with HEAD), or unsafe ones, whose CSRF token was checked before
            the handler is called.
    """

    path: str
    handler: Callable[[Visit], Awaitable[Response]]
    title: str = ""
    nav: bool = False
    methods: tuple[str, ...] = ("GET",)

    @property
    def is_api(self) -> bool:
        """Whether machines ask for it."""
        return self.path.startswith("/api/")


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form that was sent, names and values in order."""

    fields: tuple[tuple[str, str], ...] = ()

    def get(self, name: str, default: str = "") -> str:
        """Return the first value of a field."""
        return next((value for key, value in self.fields if key == name), default)

    def every(self, name: str) -> list[str]:
        """Return all values of a field, such as the boxes that were ticked."""
        return [value for key, value in self.fields if key == name]


NO_FORM = Form()


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request to a page, by somebody who may."""

    request: Request
    page: Page
    identity: Identity
    sources: Sources
    look: Look
    nav: tuple[tuple[str, str], ...]
    """Path and title of what the navigation has."""
    streams: Streams
    form: Form = NO_FORM
    """What an unsafe request sent: as a form, or as a JSON object of texts and lists of
    texts, which API clients may send instead."""
    csrf: str = ""
    """The token that forms of this session send as `csrf`."""
    still_in: Callable[[], Awaitable[bool]] = field(repr=False)
    """Asks whether the caller would be let in again, for streams."""

    @property
    def params(self) -> dict[str, Any]:
        """Parameters of the path."""
        return dict(self.request.path_params)

    def filters(self, *known: str) -> dict[str, str]:
        """Return the filters of the query; see `queries.filters`."""
        return queries.filters(self.request, *known)

    def url(self, path: str = "", /, **query: Any) -> str:
        """Return the address of a page of the console."""
        return self.look.url(self.request, path, **query)

    async def render(
        self, template: str, *, title: str = "", status: int = 200, **context: Any
    ) -> Response:
        """Return the page: a template in `console/templates` that extends `base.html`.

        Args:
            template: Its name.
            title: By default that of the `Page`.
            status: Of the response.
            **context: What it needs beside what `look` lists, and `here`, the path of
                the page below the console.
        """
        return await self.look.page(
            self.request,
            template,
            status=status,
            title=title or self.page.title,
            nav=self.nav,
            here=self.page.path,
            csrf=self.csrf,
            identity=self.identity,
            workers=self.sources.workers,
            back=self._here(),
            **context,
        )

    def _here(self) -> str:
        """Return path and query of this page below the console, to come back to."""
        own, here = self.url(), self.request.scope["path"]
        root = self.request.scope.get("root_path", "")
        base = (
            own.removeprefix(root) if here.startswith(own.removeprefix(root)) else own
        )
        query = self.request.url.query
        return f"{here.removeprefix(base) or '/'}{f'?{query}' if query else ''}"

    def redirect(self, path: str, /, **query: Any) -> Response:
        """Return 303 to another page of the console, as after every change."""
        location = self.url("" if path == "/" else path, **query)
        return Response(
            status_code=303, headers={**headers.of_data(), "Location": location}
        )

    def back(self, default: str) -> Response:
        """Return 303 to the page below the console that the form names as `back`."""
        path = self.form.get("back")
        # A path of ours, never `//elsewhere` or `https:…`.
        ours = path.startswith("/") and not path.startswith(("//", "/\\"))
        return self.redirect(path if ours and path.isprintable() else default)

    def audit(self, action: str, **what: Any) -> None:
        """Write the audit line of a change: who, from where, what."""
        audit.change(self.request, self.identity, action, what)

    def stream(self, events: AsyncIterator[bytes]) -> Response:
        """Return server-sent events; see `_streams`.

        Raises:
            Refused: 503, as many streams are open as there may be.
        """
        if self.request.method == "HEAD":
            return Response(media_type="text/event-stream", headers=headers.of_data())
        response = self.streams.respond(events, headers.ALWAYS)
        if response is None:
            detail = f"There are {self.streams.limit} streams already."
            raise queries.Refused(503, detail, {"Retry-After": "5"})
        return response

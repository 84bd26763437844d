"""How a request is answered that cannot be served."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from steadfastapi._guard import guard
from steadfastapi._predicates import path_in_app
from steadfastapi.console import headers, queries
from steadfastapi.console.access.admission import is_visitor, wants_a_page
from steadfastapi.console.access.login import LOGIN

if TYPE_CHECKING:
    from starlette.requests import Request

    from steadfastapi.console.access.admission import Access
    from steadfastapi.console.look import Look
    from steadfastapi.console.queries import Refused
    from steadfastapi.console.visit import Visit

TITLE = "Not shown"
UNAUTHENTICATED = 401


def below_of(request: Request, path: str) -> str:
    """Return the path of a request below the console; `/` for the console itself."""
    return path_in_app(request.scope)[len(path) :].rstrip("/") or "/"


class Refusals:
    """Answers as JSON to machines, as a page to people, strangers with the login.

    Args:
        access: Whether there is a login.
        look: Renders the page.
        path: Of the console.
    """

    def __init__(self, access: Access, look: Look, path: str) -> None:
        self._access = access
        self._look = look
        self._path = path

    async def answer(
        self, request: Request, refused: Refused, visit: Visit | None = None
    ) -> Response:
        """Return the answer.

        Args:
            request: What cannot be served.
            refused: Why.
            visit: Of whom; None of a stranger.
        """
        below = below_of(request, self._path)
        if below.startswith("/api/") or not wants_a_page(request):
            body = {"detail": refused.detail}
            return queries.answer(body, refused.status, refused.headers)
        is_stranger = visit is None and refused.status == UNAUTHENTICATED
        if is_stranger and self._access.has_login and is_visitor(request):
            return self._to_the_login(request, below)
        response = await self._page(request, refused, visit)
        response.headers.update(refused.headers)
        return response

    def _to_the_login(self, request: Request, below: str) -> Response:
        query = request.url.query
        target = "" if below == "/" else f"{below}{f'?{query}' if query else ''}"
        location = self._look.url(request, LOGIN, next=target)
        return Response(
            status_code=303, headers={**headers.of_data(), "Location": location}
        )

    async def _page(
        self, request: Request, refused: Refused, visit: Visit | None
    ) -> Response:
        shown = {"code": refused.status, "detail": refused.detail}
        status, template = refused.status, "refused.html"
        try:
            if visit is not None:
                return await visit.render(template, title=TITLE, status=status, **shown)
            return await self._look.page(
                request,
                template,
                status=status,
                title=TITLE,
                has_login=self._access.has_login,
                **shown,
            )
        except Exception as error:
            guard.swallow("console.page", error)
            return queries.answer({"detail": refused.detail}, status)

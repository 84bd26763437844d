"""Templates and their looks, for the console and for the page of the health layer.

The one exception to "no layer imports another": the health page looks like the
console and works without it, so `health` imports this module, `assets` and `headers`
when its page is first asked for. They import nothing of the console's in turn.

```python
look = Look(service=plan.service, base="/health", static="/health/static")
response = await look.page(request, "health_dashboard.html", probes=probes)
asset = assets.answer(digest, name)     # at /health/static/{digest}/{name}
```

Every template extends `base.html` and gets, whatever else it is given:

| name                | what                                                          |
|---------------------|---------------------------------------------------------------|
| `url(path, **query)`| an address below `base`, with `root_path`: `url("/issues")`   |
| `asset(name)`       | the address of a static file                                  |
| `nonce`             | of this page; `<script>` and `<link rel="stylesheet">` need it|
| `service`           | name, version, environment                                    |
| `theme`             | `light`, `dark` or `auto`                                     |
| `title`, `nav`, `csrf`, `identity`, `notice` | empty unless given                   |

Filters: `ago` (Unix time), `when` (Unix time, as `<time>`), `exact` (Unix time),
`number`, `duration` (seconds), `size` (bytes), `percent` (of one).
"""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import anyio
import anyio.to_thread
from starlette.responses import Response

from steadfastapi.console import assets, headers

if TYPE_CHECKING:
    from jinja2 import Environment
    from starlette.requests import Request

    from steadfastapi._service import Service

THEME_COOKIE = "steadfast-theme"
THEMES = ("auto", "light", "dark")
_PLAIN = "/?&=%#+,;:@!$'()*[]~"
"""What an address may have as it is: a path may bring its query."""
THREADS = 2
"""Pages that are rendered at one time, off the event loop."""


@cache
def environment() -> Environment:
    """Return Jinja's environment; the library is loaded with the first page."""
    from jinja2 import (  # noqa: PLC0415 - nobody needs it before
        Environment,
        PackageLoader,
        StrictUndefined,
    )

    from steadfastapi.console import filters  # noqa: PLC0415

    made = Environment(
        loader=PackageLoader("steadfastapi.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(filters.every())
    return made


class Look:
    """Renders pages of one application.

    Args:
        service: What is served.
        base: Path that `url` puts before others: `/ops`.
        static: Path below which static files are served: `/ops/static`.
    """

    def __init__(self, *, service: Service, base: str, static: str) -> None:
        self._service = service
        self._base = base
        self._static = static
        self._limiter: anyio.CapacityLimiter | None = None

    def url(self, request: Request, path: str = "", /, **query: Any) -> str:
        """Return an address below the base; a query without empty values."""
        root = quote(request.scope.get("root_path", "").rstrip("/"))
        given = {
            name: value for name, value in query.items() if value not in ("", None)
        }
        mark = "?" if given else ""
        where = quote(path, safe=_PLAIN)
        return f"{root}{self._base}{where}{mark}{urlencode(given, doseq=True)}"

    async def page(
        self,
        request: Request,
        template: str,
        *,
        status: int = 200,
        **context: Any,
    ) -> Response:
        """Return a rendered page.

        Rendering happens in a thread: give it values that nobody changes meanwhile.

        Args:
            request: Which page it is for.
            template: Name of a file in `console/templates`.
            status: Of the response.
            **context: What the template needs.
        """
        own = headers.nonce()
        values = {**self._common(request, own), **context}
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(THREADS)
        text = await anyio.to_thread.run_sync(
            partial(_rendered, template, values), limiter=self._limiter
        )
        return Response(
            text,
            status_code=status,
            headers=headers.of_page(own),
            media_type="text/html",
        )

    def _common(self, request: Request, own: str) -> dict[str, Any]:
        root = quote(request.scope.get("root_path", "").rstrip("/"))
        theme = request.cookies.get(THEME_COOKIE, "auto")

        def asset(name: str) -> str:
            return f"{root}{self._static}/{assets.every()[name].digest}/{name}"

        return {
            "asset": asset,
            "url": partial(self.url, request),
            "nonce": own,
            "service": self._service,
            "theme": theme if theme in THEMES else "auto",
            "title": "",
            "nav": (),
            "csrf": "",
            "identity": None,
            "notice": "",
            "here": "",
            "back": "",
            "has_login": False,
        }


def _rendered(template: str, values: dict[str, Any]) -> str:
    return environment().get_template(template).render(values)

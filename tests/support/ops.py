"""An application with an inbox and a console, asked in the test's own event loop."""

import json
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import anyio.to_thread
from fastapi import FastAPI

from steadfastapi import Stack, configure
from steadfastapi.console.layer import Console
from steadfastapi.inbox.layer import Inbox
from steadfastapi.inbox.store import Issue, Store
from support._asgi_client import AsgiResult
from support.asgi import call

TOKEN = "token-of-the-tests"


class Ops:
    """A configured application, as an API client of its console sees it.

    Args:
        app: The application.
        stack: What `configure` returned.
    """

    def __init__(self, app: FastAPI, stack: Stack) -> None:
        self.app = app
        self.stack = stack

    @property
    def store(self) -> Store:
        """Where the inbox keeps its entries."""
        store: Store = self.stack.plan.handles["inbox"].store
        return store

    async def visit(self, path: str) -> AsgiResult:
        """Send a request to the application itself."""
        return await call(self.app, "GET", path)

    async def app_post(self, path: str) -> AsgiResult:
        """Send an empty POST to the application itself."""
        return await call(self.app, "POST", path)

    async def get(self, path: str) -> AsgiResult:
        """Ask the console for a path below `/ops`."""
        return await call(self.app, "GET", f"/ops{path}", headers=[_authorization()])

    async def page(self, path: str) -> str:
        """Return a page of the console, which must be there."""
        result = await self.get(path)
        assert 200 == result.status, result.body
        return result.body.decode()

    async def json(self, path: str) -> Any:
        """Return what the API answers, which must be an answer."""
        result = await self.get(f"/api{path}")
        assert 200 == result.status, result.body
        return json.loads(result.body)

    async def post(self, path: str, body: Any = None, form: str = "") -> AsgiResult:
        """Send JSON, or a form, to a path below `/ops`."""
        kind = "application/x-www-form-urlencoded" if form else "application/json"
        data = form.encode() if form else b"" if body is None else json.dumps(body)
        return await call(
            self.app,
            "POST",
            f"/ops{path}",
            headers=[_authorization(), ("content-type", kind)],
            body=data if isinstance(data, bytes) else data.encode(),
        )

    async def written(self) -> None:
        """Wait until everything captured is in the store."""
        flush: Callable[[float], bool] = self.stack.plan.handles["inbox"].flush
        assert await anyio.to_thread.run_sync(flush, 10)

    async def issues(self) -> tuple[Issue, ...]:
        """Return all issues, once they are written."""
        await self.written()
        found = await self.stack.plan.handles["inbox"].list()
        return tuple(found.items)


@contextmanager
def ops_of(app: FastAPI, *, inbox: Any = None, **layers: Any) -> Iterator[Ops]:
    """Configure an application with inbox and console.

    Args:
        app: The application.
        inbox: Settings of the inbox, as a mapping; False for none.
        **layers: Further keywords of `configure`.
    """
    with tempfile.TemporaryDirectory() as folder:
        given: dict[str, Any] = {"console": Console(token=TOKEN), "inbox": False}
        if inbox is not False:
            url = f"sqlite:///{Path(folder) / 'inbox.db'}"
            given["inbox"] = Inbox(**{"url": url, **(inbox or {})})
        stack = configure(app, **{"sentry": False, **layers, **given})
        try:
            yield Ops(app, stack)
        finally:
            stack.shutdown(2)


class Elements(HTMLParser):
    """The elements of a page: names, attributes and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember an element."""
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Remember a text."""
        self.texts.append(data)

    @property
    def text(self) -> str:
        """All text, its white space made one."""
        return re.sub(r"\s+", " ", " ".join(self.texts))

    def links(self, begin: str) -> list[str]:
        """Return the targets of links that begin with a path."""
        targets = [(attrs.get("href") or "") for tag, attrs in self.found if tag == "a"]
        return [one for one in targets if one.startswith(begin)]


def _authorization() -> tuple[str, str]:
    return "authorization", f"Bearer {TOKEN}"

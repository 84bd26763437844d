"""Consoles to visit, as a browser does and as a program does."""

import json
import re
from typing import Any, Self
from urllib.parse import urlencode

from fastapi import FastAPI

from steadfastapi import configure
from steadfastapi._configure import DEFAULT_LAYERS
from steadfastapi._service import Service
from steadfastapi._stack import Stack
from steadfastapi.console.frame import Frame
from steadfastapi.console.layer import Console
from support.asgi import AsgiResult, call

TOKEN = "a-token-that-nobody-guesses"
PRODUCTION = Service(name="shop", version="7.7.7", environment="production")
HTML = ("accept", "text/html,application/xhtml+xml")
BEARER = ("authorization", f"Bearer {TOKEN}")
OWN_PAGE = ("sec-fetch-site", "same-origin")


def consoled(
    app: FastAPI | None = None,
    console: Console | None = None,
    *,
    service: Service | None = None,
    with_layers: tuple[str, ...] = ("logs", "contract"),
    extra: tuple[Any, ...] = (),
    **settings: Any,
) -> Stack:
    """Return the stack of an application with a console and few layers beside it.

    Args:
        app: The application; an empty one by default.
        console: The layer; by default one of `settings`.
        service: What it is; by default in development.
        with_layers: Names of the other layers that are on.
        extra: More layers.
        **settings: Of the console, or settings objects of other layers by name.
    """
    layers: dict[str, Any] = {
        name: settings.pop(name, None if name in with_layers else False)
        for name in DEFAULT_LAYERS
        if name != "console"
    }
    return configure(
        app or FastAPI(title="Shop"),
        service=service,
        console=console or Console(**settings),
        extra=extra,
        **layers,
    )


def app_of(stack: Stack) -> FastAPI:
    """Return the application of a stack."""
    return stack.plan.app


def frame_of(stack: Stack) -> Frame:
    """Return what serves the console of a stack."""
    (frame,) = (one for one in stack.plan.areas.values() if isinstance(one, Frame))
    return frame


class Browser:
    """Keeps cookies, asks for pages, and sends forms as our own pages do.

    Args:
        app: The application, or its stack.
        scheme: Over which it is reached.
        client: Address that it comes from.
    """

    def __init__(
        self, app: Any, *, scheme: str = "http", client: str = "127.0.0.1"
    ) -> None:
        self.app = app_of(app) if isinstance(app, Stack) else app
        self.cookies: dict[str, str] = {}
        self.csrf = ""
        self._scope = {"scheme": scheme, "client": (client, 1234)}
        self.last: AsgiResult | None = None

    @classmethod
    async def signed_in(cls, app: Any, token: str = TOKEN, **options: Any) -> Self:
        """Return a browser that has logged in with a token."""
        browser = cls(app, **options)
        answer = await browser.post("/ops/login", token=token)
        assert 303 == answer.status, answer.body
        await browser.get("/ops/settings")
        return browser

    async def get(self, path: str, *headers: tuple[str, str]) -> AsgiResult:
        """Ask for a page."""
        return await self.ask("GET", path, *headers)

    async def post(
        self, path: str, *headers: tuple[str, str], **fields: Any
    ) -> AsgiResult:
        """Send a form, with the CSRF token of the last page."""
        body = urlencode({"csrf": self.csrf, **fields}, doseq=True).encode()
        kind = ("content-type", "application/x-www-form-urlencoded")
        return await self.ask("POST", path, kind, OWN_PAGE, *headers, body=body)

    async def ask(
        self,
        method: str,
        path: str,
        *headers: tuple[str, str],
        body: bytes = b"",
        scope: dict[str, Any] | None = None,
    ) -> AsgiResult:
        """Send a request; of a header that is there twice, the last one."""
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        given = {HTML[0]: HTML[1], "host": "shop.test", **dict(headers)}
        if cookie:
            given["cookie"] = cookie
        answer = await call(
            self.app,
            method,
            path,
            headers=list(given.items()),
            body=body,
            scope={**self._scope, **(scope or {})},
        )
        self._keep(answer)
        self.last = answer
        return answer

    def _keep(self, answer: AsgiResult) -> None:
        for cookie in every_header(answer, "set-cookie"):
            pair, *attributes = cookie.split("; ")
            name, _, value = pair.partition("=")
            if "Max-Age=0" in attributes:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        found = re.search(rb'<meta name="csrf" content="([0-9a-f]+)">', answer.body)
        if found:
            self.csrf = found[1].decode()


async def program(
    app: Any,
    path: str,
    *headers: tuple[str, str],
    method: str = "GET",
    data: Any = None,
) -> AsgiResult:
    """Send a request as a program does: no cookies, JSON."""
    body = b"" if data is None else json.dumps(data).encode()
    kind = [("content-type", "application/json")] if body else []
    app = app_of(app) if isinstance(app, Stack) else app
    return await call(app, method, path, headers=[*kind, *headers], body=body)


def header(answer: AsgiResult, name: str) -> str | None:
    """Return a header of an answer."""
    return next(iter(every_header(answer, name)), None)


def every_header(answer: AsgiResult, name: str) -> list[str]:
    """Return all headers of a name."""
    return [value.decode() for key, value in answer.headers if key.decode() == name]


def text(answer: AsgiResult) -> str:
    """Return the body of an answer."""
    return answer.body.decode()


def data(answer: AsgiResult) -> Any:
    """Return the JSON of an answer."""
    return json.loads(answer.body)

"""A browser in front of a console whose people log in at an OpenID provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import httpx
from fastapi import FastAPI

from steadfastapi import configure
from steadfastapi.console.layer import Console
from steadfastapi.console.oidc.settings import Oidc

if TYPE_CHECKING:
    from types import TracebackType

HOME = "http://127.0.0.1:8123"
CALLBACK = f"{HOME}/ops/login/oidc/callback"


def console_app(issuer: str, **settings: Any) -> FastAPI:
    """Return an application whose console asks the provider at `issuer`."""
    app = FastAPI(title="Shop")
    given = {
        "issuer": issuer,
        "client_id": "console",
        "redirect_uri": CALLBACK,
        "allowed": ("ada@example.org",),
        "timeout": 10,  # machines of CI are slow
        **settings,
    }
    off = {"logs": False, "tracing": False, "health": False, "inbox": False}
    configure(app, console=Console(oidc=Oidc(**given)), **off)  # type: ignore[arg-type]
    return app


class Browser:
    """Keeps cookies, follows nothing by itself.

    Args:
        app: The application, asked without a network.
        headers: Of every request.
        cookies: What it has kept from before.
    """

    def __init__(
        self,
        app: FastAPI,
        *,
        headers: dict[str, str] | None = None,
        cookies: dict[str, str] | None = None,
    ) -> None:
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app, client=("127.0.0.1", 50_000)),
            base_url=HOME,
            headers=headers,
            cookies=cookies,
        )

    @property
    def cookies(self) -> dict[str, str]:
        """What it keeps, by name."""
        return dict(self._client.cookies)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    async def get(self, address: str, **headers: str) -> httpx.Response:
        """Ask for a page."""
        return await self._client.get(address, headers=headers)

    async def begin(self, target: str = "/") -> str:
        """Begin a login, and return the address at the provider."""
        answer = await self._client.get("/ops/login/oidc", params={"next": target})
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    async def is_in(self) -> bool:
        """Return whether the console shows anything."""
        answer = await self._client.get("/ops/api/settings")
        assert answer.status_code in (200, 401), answer.text
        return answer.status_code == 200

"""Services that speak HTTP."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Unpack

from steadfastapi.exceptions import ConfigurationError
from steadfastapi.health.dependency import DependencyProbe
from steadfastapi.health.threads import OwnThread

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steadfastapi.health.passive import WatchOptions

FIRST_ERROR = 400
"""Status from which on an answer is none of a healthy service."""


class HTTPProbe(DependencyProbe):
    """Requests an address of another service; its body is not read.

    Without an address it is passive, as in fastapi-watch: it judges the calls that
    `@probe.watch` sees, and costs the other side nothing. Not critical by default:
    what others run should not take this application out of rotation.

    Args:
        name: Shown everywhere, unique in an application.
        url: `https://…`, asked with httpx; redirects are not followed.
        client: The application's client of httpx, asyncio or not, for `url`.
        method: `GET` or `HEAD`.
        expected_status: What counts as healthy; by default anything below 400.
        headers: Sent with each request.
        **options: Those of `PassiveProbe`.
    """

    name = "http"
    extra = "http"
    drivers = ("httpx",)
    schemes = ("https", "http")
    critical_by_default = False

    def __init__(  # noqa: PLR0913 - all but the name by keyword
        self,
        name: str | None = None,
        *,
        url: str | None = None,
        client: Any = None,
        method: str = "GET",
        expected_status: int | None = None,
        headers: Mapping[str, str] | None = None,
        **options: Unpack[WatchOptions],
    ) -> None:
        if client is not None and url is None:
            raise ConfigurationError(
                "HTTPProbe(client=…) needs url=… as well: the whole address that the "
                "client is to request."
            )
        if method not in ("GET", "HEAD"):
            raise ConfigurationError(
                f"HTTPProbe(method={method!r}): a check changes nothing; GET or HEAD."
            )
        # The client is for the address here, not instead of it.
        super().__init__(name, url=url, **options)
        self._own_client = client
        self._method = method
        self._expected = expected_status
        self._headers = dict(headers or {})
        self._thread = OwnThread(self.name)
        self.secrets = (*self.secrets, *self._headers.values())

    async def connect(self) -> Any:
        """Return a client; it connects when it is asked."""
        if self._own_client is not None:
            return self._own_client
        import httpx  # noqa: PLC0415 - an extra

        return httpx.AsyncClient(
            follow_redirects=False, limits=httpx.Limits(max_connections=1)
        )

    async def ask(self, connection: Any) -> dict[str, Any] | None:
        """Request the address."""
        arguments = (self._method, str(self.url).strip())

        def ask_blocking() -> int:
            with connection.stream(*arguments, headers=self._headers) as response:
                return int(response.status_code)

        if inspect.iscoroutinefunction(connection.request):
            async with connection.stream(*arguments, headers=self._headers) as response:
                status = int(response.status_code)
        else:
            status = await self._thread.run(ask_blocking)
        expected = self._expected
        if status != expected if expected is not None else status >= FIRST_ERROR:
            wanted = f"below {FIRST_ERROR}" if expected is None else str(expected)
            raise RuntimeError(f"status {status}, expected {wanted}")
        return {"status_code": status}

    async def disconnect(self, connection: Any) -> None:
        """Close the probe's own client."""
        if self._own_client is None:
            await connection.aclose()


HttpProbe = HTTPProbe
"""fastapi-watch's spelling."""

"""The HTTP client of the demo's customers: paced, counted and checked."""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx

from steadfastapi.cli.tally import CLIENT_ERROR, SERVER_ERROR, Tally

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from steadfastapi.cli.log_reader import LogReader

TIMEOUT = 30.0
"""Seconds; the slowest answer of the shop waits 5 seconds for its database."""
KEEP_ALIVE = 3.0
"""Seconds an idle connection is kept: less than uvicorn's 5, which could close it
just when it is used again."""
REQUEST_ID = "X-Request-ID"


class Unanswered(Exception):  # noqa: N818 - what happened, not a mistake
    """The service did not answer; the tally knows."""


class ClosingTime(Exception):  # noqa: N818 - what happened, not a mistake
    """No more requests: the demo is about to end."""


class Pace:
    """Lets requests go one after the other at a steady rate.

    Args:
        rate: Requests a second at most; fewer when answers are slow.
    """

    def __init__(self, rate: float) -> None:
        self._interval = 1 / rate
        self._next = 0.0
        self.closed = False

    async def turn(self) -> None:
        """Wait until the next request may go.

        Raises:
            ClosingTime: There will be no more.
        """
        now = time.monotonic()
        # What was missed while answers were slow is not made up for.
        due = self._next = max(now, self._next + self._interval)
        await asyncio.sleep(due - now)
        if self.closed:
            raise ClosingTime


class Client:
    """Sends requests whose ids say that they are the demo's.

    Args:
        base_url: Where the shop is.
        pace: When requests may go.
        prefix: How request ids begin.
        tally: Counts what comes back.
        log: Is told what to expect in the log.
    """

    def __init__(
        self, base_url: str, *, pace: Pace, prefix: str, tally: Tally, log: LogReader
    ) -> None:
        self.base_url = base_url
        self.tally = tally
        self._pace = pace
        self._prefix = prefix
        self._log = log
        self._http = httpx.AsyncClient(
            base_url=base_url,
            timeout=TIMEOUT,
            # A proxy of the environment cannot reach a server on this machine.
            trust_env=False,
            limits=httpx.Limits(keepalive_expiry=KEEP_ALIVE),
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    async def call(  # noqa: PLR0913 - what a request is made of, by name
        self,
        method: str,
        path: str,
        *,
        expect: int | tuple[int, ...],
        route: str | None = None,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
    ) -> httpx.Response:
        """Send one request and read its answer.

        Args:
            method: HTTP method.
            path: The concrete path.
            expect: The status that is right, or several; another one is a complaint.
            route: The template that the path belongs to, if it has parameters.
            token: Bearer token.
            headers: Further headers.
            json: The body.
            params: The query.

        Raises:
            Unanswered: No response came.
            ClosingTime: The demo is about to end, and nothing was sent.
        """
        request = await self._request(method, path, token, headers, json, params)
        begin = time.perf_counter()
        response = await self._send(request)
        label = f"{method} {route or path}"
        self.tally.answered(label, response.status_code, time.perf_counter() - begin)
        allowed = (expect,) if isinstance(expect, int) else expect
        self._inspect(label, request, response, allowed)
        return response

    @asynccontextmanager
    async def leave_early(
        self, path: str, *, token: str | None
    ) -> AsyncIterator[httpx.Response]:
        """Open a streamed response, and hang up when the block ends.

        Raises:
            Unanswered: No response came.
        """
        request = await self._request("GET", path, token)
        response = await self._send(request, stream=True)
        self.tally.left()
        try:
            yield response
        finally:
            await response.aclose()

    async def socket_headers(self) -> dict[str, str]:
        """Wait for a turn, and return the headers of one WebSocket handshake."""
        await self._pace.turn()
        self.tally.sockets += 1
        return {REQUEST_ID: self._new_id()}

    async def scrape(self) -> str:
        """Read `/metrics` as Prometheus does; the service does not count that."""
        response = await self._http.get("/metrics")
        response.raise_for_status()
        self.tally.scrapes += 1
        return response.text

    async def state_changes(self, probe: str) -> list[str]:
        """Return the states that a probe went to, oldest first; quiet requests too."""
        answer = await self._http.get("/health/alerts", params={"probe": probe})
        try:
            return [change["new_status"] for change in answer.json()["alerts"]]
        except (ValueError, LookupError, TypeError):
            return []  # whatever this is, it is no shop with health checks

    async def _request(  # noqa: PLR0913, PLR0917 - see `call`
        self,
        method: str,
        path: str,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
    ) -> httpx.Request:
        await self._pace.turn()
        sent = {REQUEST_ID: self._new_id(), **(headers or {})}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        self.tally.sent += 1
        return self._http.build_request(
            method, path, headers=sent, json=json, params=params
        )

    def _new_id(self) -> str:
        request_id = f"{self._prefix}{secrets.token_hex(8)}"
        self._log.sent(request_id)
        return request_id

    async def _send(
        self, request: httpx.Request, *, stream: bool = False
    ) -> httpx.Response:
        try:
            return await self._http.send(request, stream=stream)
        except httpx.TransportError as error:
            what = f"{request.method} {request.url.path}: {type(error).__name__}"
            self.tally.complain("unanswered", what)
            raise Unanswered from error
        except asyncio.CancelledError:  # the demo ends, and this one took too long
            self.tally.left()
            raise

    def _inspect(
        self,
        label: str,
        request: httpx.Request,
        response: httpx.Response,
        allowed: tuple[int, ...],
    ) -> None:
        """Compare an answer with what the contract promises."""
        status = response.status_code
        if status not in allowed:
            wanted = " or ".join(str(one) for one in allowed)
            self.tally.complain("status", f"{label}: {status} instead of {wanted}")
        if response.headers.get(REQUEST_ID) != request.headers[REQUEST_ID]:
            self.tally.complain("request_id", f"{label}: {status} without our id")
        if status < CLIENT_ERROR:
            return
        if status == SERVER_ERROR:
            self._log.crashed(request.headers[REQUEST_ID])
        detail = _detail(response)
        self.tally.error(status, detail or "without detail")
        if detail is None:
            self.tally.complain("detail", f"{label}: {status} without detail")


def _detail(response: httpx.Response) -> str | None:
    """Return the `detail` of an error response on one line; None if it has none."""
    if response.request.method == "HEAD":
        return "(HEAD has no body)"
    try:
        body = response.json()
    except ValueError:
        return None
    if not isinstance(body, dict) or "detail" not in body:
        return None
    detail = body["detail"]
    if isinstance(detail, list) and detail and isinstance(detail[0], dict):
        place = ".".join(str(part) for part in detail[0].get("loc", ())[1:])
        return f"{place}: {detail[0].get('msg', '')}"
    return str(detail)

"""`http_retry` against a real server."""

import asyncio
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from steadfastapi import http_retry
from steadfastapi.retries.http import retry_after
from support._tcp import HOST
from support.faults import BlackHole, ResetServer, refused_port

pytestmark = pytest.mark.anyio


class Partner(ThreadingHTTPServer):
    """Answers with the statuses of a script, then with 200."""

    def __init__(self) -> None:
        super().__init__((HOST, 0), Handler)
        self.script: list[tuple[int, str | None]] = []
        self.requests = 0
        self.url = f"http://{HOST}:{self.server_port}/"


class Handler(BaseHTTPRequestHandler):
    """One answer of a partner."""

    server: Partner

    def do_GET(self) -> None:
        """Answer."""
        self.server.requests += 1
        script = self.server.script
        status, after = script.pop(0) if script else (200, None)
        body = json.dumps(self.server.requests).encode()
        self.send_response(status)
        if after is not None:
            self.send_header("Retry-After", after)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - http.server's way

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def partner() -> Iterator[Partner]:
    """A partner that listens."""
    with Partner() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.usefixtures("instant")
@pytest.mark.parametrize("raised", [False, True])
@pytest.mark.parametrize(
    ("method", "status", "idempotent", "attempts"),
    [
        ("GET", 503, False, 2),
        ("GET", 429, False, 2),
        ("GET", 502, False, 2),
        ("GET", 504, False, 2),
        ("GET", 500, False, 1),
        ("GET", 404, True, 1),
        ("POST", 503, False, 2),
        ("POST", 429, False, 2),
        ("POST", 502, False, 1),
        ("POST", 504, True, 2),
    ],
)
async def test_which_statuses_are_repeated(  # noqa: PLR0913 - a row of the table
    partner: Partner,
    method: str,
    status: int,
    *,
    idempotent: bool,
    attempts: int,
    raised: bool,
) -> None:
    """Whether the response is returned or raised, in async and sync code."""
    partner.script = [(status, None)] * (1 if attempts == 2 else 9)

    def checked(response: httpx.Response) -> httpx.Response:
        return response.raise_for_status() if raised else response

    @http_retry(idempotent=idempotent)
    async def fetch() -> httpx.Response:
        async with httpx.AsyncClient(verify=False) as client:
            return checked(await client.request(method, partner.url))

    @http_retry(idempotent=idempotent)
    def fetch_sync() -> httpx.Response:
        return checked(httpx.request(method, partner.url, verify=False))

    for way in (fetch(), asyncio.to_thread(fetch_sync)):
        partner.requests = 0
        if attempts == 2:
            partner.script = [(status, None)]
        try:
            assert (200 if attempts == 2 else status) == (await way).status_code
        except httpx.HTTPStatusError:
            assert raised
        assert attempts == partner.requests


@pytest.mark.usefixtures("instant")
async def test_the_last_response_is_returned(partner: Partner) -> None:
    """Of three, when all of them failed."""
    partner.script = [(503, None)] * 9

    @http_retry
    async def fetch() -> httpx.Response:
        async with httpx.AsyncClient(verify=False) as client:
            return await client.get(partner.url)

    response = await fetch()
    assert (503, 3, 3) == (response.status_code, response.json(), partner.requests)
    assert 3 == fetch.statistics["attempt_number"]


@pytest.mark.usefixtures("instant")
async def test_a_stream_that_is_not_returned_is_closed(partner: Partner) -> None:
    """Otherwise its connection would be gone from the pool."""
    partner.script = [(503, None)]
    seen = []
    async with httpx.AsyncClient(verify=False) as client:

        @http_retry
        async def fetch() -> httpx.Response:
            response = await client.send(
                client.build_request("GET", partner.url), stream=True
            )
            seen.append(response)
            return response

        response = await fetch()
        assert [True, False] == [one.is_closed for one in seen]
        await response.aclose()


async def test_retry_after_is_honoured(partner: Partner) -> None:
    """In seconds; the wait is at least that long."""
    partner.script = [(429, "3")]
    waits: list[float] = []

    @http_retry(sleep=waits.append)
    async def fetch() -> httpx.Response:
        async with httpx.AsyncClient(verify=False) as client:
            return await client.get(partner.url)

    assert 200 == (await fetch()).status_code
    assert [3.0] == waits


async def test_a_retry_after_beyond_the_deadline_ends_the_call(
    partner: Partner,
) -> None:
    """The response says when, and nobody waits for it."""
    partner.script = [(503, "60")] * 2

    @http_retry
    async def fetch() -> httpx.Response:
        async with httpx.AsyncClient(verify=False) as client:
            return await client.get(partner.url)

    assert (503, 1) == ((await fetch()).status_code, partner.requests)


def test_retry_after_in_all_its_forms() -> None:
    """Seconds, a date, nonsense, nothing."""

    def after(value: str | None) -> float:
        headers = {} if value is None else {b"Retry-After": value.encode("latin-1")}
        return retry_after(httpx.Response(503, headers=headers))

    later = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    earlier = format_datetime(datetime.now(UTC) - timedelta(days=1), usegmt=True)
    assert 57 < after(later) <= 60
    values = ["7", "0", earlier, "soon", "-5", "1.5", "²", "", None]
    assert [7, 0, 0, 0, 0, 0, 0, 0, 0] == [after(value) for value in values]
    assert 999_999_999 == after("9" * 400)
    assert 0 == retry_after(ValueError()) == retry_after(None)


@pytest.mark.usefixtures("instant")
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("fault", ["refused", "reset", "silent", "pool"])
async def test_which_errors_are_repeated(method: str, fault: str) -> None:
    """No connection: always. Cut off: where a repetition does no harm."""
    attempts = 0
    timeout = httpx.Timeout(0.05, connect=2.0)
    with refused_port() as closed, ResetServer(1) as reset, BlackHole() as hole:
        port = {"refused": closed, "reset": reset.port}.get(fault, hole.port)
        limits = httpx.Limits(max_connections=1)
        async with httpx.AsyncClient(
            timeout=timeout, limits=limits, verify=False
        ) as client:
            url = f"http://{HOST}:{port}/"

            @http_retry
            async def fetch() -> httpx.Response:
                nonlocal attempts
                attempts += 1
                return await client.request(method, url)

            if fault == "pool":
                client.timeout = httpx.Timeout(None)
                holding = asyncio.create_task(client.get(url))
                while not hole.connections:  # noqa: ASYNC110 - a thread's counter
                    await asyncio.sleep(0.001)
                client.timeout = timeout
            with pytest.raises(httpx.TransportError):
                await fetch()
            if fault == "pool":
                holding.cancel()
                await asyncio.wait([holding])
    expected = {"refused": 3, "pool": 1}.get(fault, 3 if method == "GET" else 1)
    assert expected == attempts

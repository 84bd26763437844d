"""Outbound calls: each is timed, also one that is never answered."""

import asyncio
from typing import Any

import httpx
import httpx2
import pytest

from steadfastapi import ConfigurationError, Metrics, http_retry
from steadfastapi.testing import instant_retries
from steadfastapi.watchdog.clients import watch_client
from support.watched import dog_of, watched
from watchdog.conftest import Heard

TIME = "http_client_request_duration_seconds"
LIBRARIES = [httpx, httpx2]
each_library = pytest.mark.parametrize("library", LIBRARIES, ids=lambda m: m.__name__)


def transport(library: Any) -> Any:
    """Answer 200, 503 below `/busy`, and nothing below `/down`."""

    def handle(request: Any) -> Any:
        if request.url.path == "/down":
            raise library.ConnectError("refused", request=request)
        return library.Response(503 if request.url.path == "/busy" else 200)

    return library.MockTransport(handle)


def calls(heard: Heard) -> dict[tuple[str, ...], int]:
    """Return how often each target, method and status was timed."""
    return {
        key[1:]: len(values) for key, values in heard.values.items() if key[0] == TIME
    }


@each_library
def test_calls_of_a_sync_client(library: Any, heard: Heard) -> None:
    """By target, method and status; `none` where no answer came."""
    with library.Client(transport=transport(library)) as client:
        watch_client(client, "partner")
        watch_client(client, "partner")
        client.get("http://partner.test/")
        client.request("BREW", "http://partner.test/busy")
        with pytest.raises(library.ConnectError):
            client.post("http://partner.test/down")
        with client.stream("GET", "http://partner.test/") as response:
            response.read()

    assert {
        ("partner", "GET", "200"): 2,
        ("partner", "OTHER", "503"): 1,
        ("partner", "POST", "none"): 1,
    } == calls(heard)


@each_library
def test_calls_of_an_async_client(library: Any, heard: Heard) -> None:
    """Named after the host of its base URL, if by nothing else."""

    async def run() -> None:
        async with library.AsyncClient(
            transport=transport(library), base_url="http://partner.test"
        ) as client:
            watch_client(client)
            await client.get("/")
            with pytest.raises(library.ConnectError):
                await client.get("/down")

    asyncio.run(run())

    assert {
        ("partner.test", "GET", "200"): 1,
        ("partner.test", "GET", "none"): 1,
    } == calls(heard)


def test_every_attempt_of_a_retry_is_a_call(heard: Heard) -> None:
    """`http_retry` around it hides none."""
    client = httpx.Client(transport=transport(httpx), base_url="http://partner.test")
    watch_client(client, "partner")

    @http_retry(attempts=3)
    def ask() -> httpx.Response:
        return client.get("/busy")

    with instant_retries():
        assert 503 == ask().status_code

    assert {("partner", "GET", "503"): 3} == calls(heard)


@pytest.mark.parametrize(
    ("given", "message"),
    [(httpx.Client(), "does not know what is called"), (object(), "client of httpx")],
)
def test_what_cannot_be_watched_is_refused(given: Any, message: str) -> None:
    """With what to write instead."""
    target = None if isinstance(given, httpx.Client) else "partner"
    with pytest.raises(ConfigurationError, match=message):
        watch_client(given, target)


@pytest.mark.parametrize(
    ("settings", "labels"),
    [
        ({}, {"target": "partner", "method": "GET", "status": "2xx"}),
        ({"status": "code"}, {"target": "partner", "method": "GET", "status": "200"}),
        (
            {"names": "otel"},
            {
                "server_address": "partner",
                "http_request_method": "GET",
                "http_response_status_code": "200",
            },
        ),
    ],
)
def test_the_status_is_written_like_that_of_requests(
    settings: dict[str, Any], labels: dict[str, str]
) -> None:
    """A class, or the exact code where the metrics say so."""
    from fastapi import FastAPI

    stack = watched(FastAPI(), metrics=Metrics(**settings))
    with httpx.Client(transport=transport(httpx)) as client:
        dog_of(stack).watch_client(client, "partner")
        client.get("http://partner.test/")

    count = stack.metrics.registry.get_sample_value(f"{TIME}_count", labels)
    assert 1 == count

"""Instrumentations of the Instrumentator, unchanged."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from fastapi import FastAPI, Response
from prometheus_client import CollectorRegistry
from prometheus_fastapi_instrumentator import metrics
from prometheus_fastapi_instrumentator.metrics import Info

from steadfastapi import Metrics
from steadfastapi.testing import internal_errors
from support.apps import configured
from support.asgi import call
from support.watch import ask


def instrumented(*functions: Any, **settings: Any) -> FastAPI:
    """Return an application that sends ten bytes, with instrumentations."""
    app = FastAPI()

    @app.post("/x/{y}")
    async def x(y: str) -> Response:
        return Response("0123456789", status_code=201)

    settings["instrumentations"] = functions
    return configured(app, logs=False, metrics=Metrics(**settings))


LABELS = {"handler": "/x/{y}", "method": "POST", "status": "2xx"}


@pytest.mark.parametrize(
    ("make", "sample", "value"),
    [
        (metrics.latency, "http_request_duration_seconds_count", 1),
        (metrics.request_size, "http_request_size_bytes_sum", 3),
        (metrics.response_size, "http_response_size_bytes_sum", 10),
        (metrics.combined_size, "http_combined_size_bytes_sum", 13),
        (metrics.requests, "http_requests_total", 1),
    ],
)
def test_each_of_its_own_instrumentations_works(
    make: Callable[..., Any], sample: str, value: float
) -> None:
    """Built against a registry, each sees what the Instrumentator would show it."""
    registry = CollectorRegistry()
    app = instrumented(make(registry=registry))
    ask(app, "POST", "/x/1", body=b"123", headers=[("Content-Length", "3")])

    assert value == registry.get_sample_value(sample, LABELS)


def test_its_default_instrumentation_works() -> None:
    """All five families of it, with their labels."""
    registry = CollectorRegistry()
    app = instrumented(metrics.default(registry=registry))
    ask(app, "POST", "/x/1", body=b"123", headers=[("Content-Length", "3")])

    value = registry.get_sample_value
    assert 1 == value("http_requests_total", LABELS)
    assert 3 == value("http_request_size_bytes_sum", {"handler": "/x/{y}"})
    assert 10 == value("http_response_size_bytes_sum", {"handler": "/x/{y}"})
    assert 1 == value("http_request_duration_highr_seconds_count")
    labels = {"handler": "/x/{y}", "method": "POST"}
    assert 1 == value("http_request_duration_seconds_count", labels)


def test_a_function_of_ones_own_gets_the_whole_info() -> None:
    """Request, response, labels and both durations."""
    seen: list[Info] = []
    app = instrumented(seen.append, status="code")
    ask(app, "POST", "/x/1?q=2", headers=[("Accept-Language", "fr")])
    ask(app, "GET", "/nothing")

    assert "fr" == seen[0].request.headers["accept-language"]
    assert "2" == seen[0].request.query_params["q"]
    assert seen[0].response is not None
    assert 201 == seen[0].response.status_code
    assert "10" == seen[0].response.headers["content-length"]
    assert ["/x/{y}", "none"] == [info.modified_handler for info in seen]
    assert ["201", "404"] == [info.modified_status for info in seen]
    assert ["POST", "GET"] == [info.method for info in seen]
    first = seen[0].modified_duration_without_streaming
    assert 0 < first <= seen[0].modified_duration


def test_scrapes_and_websockets_are_not_shown_to_it() -> None:
    """It was written for requests of people."""
    seen: list[Info] = []
    app = instrumented(seen.append)
    ask(app, "GET", "/metrics")

    assert [] == seen


def test_an_instrumentation_that_raises_harms_nobody() -> None:
    """The response is sent, the error counted."""

    def broken(info: Info) -> None:
        raise KeyError

    app = instrumented(broken)
    with internal_errors() as errors:
        result = ask(app, "POST", "/x/1")

    assert 201 == result.status
    assert {"metrics.observer": 1} == errors


async def to_the_end(app: FastAPI) -> None:
    """Send one request, and wait for what it started."""
    await call(app, "POST", "/x/1")
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*others, return_exceptions=True)


class Asynchronous:
    """An instrumentation that is an object."""

    def __init__(self, seen: list[str]) -> None:
        self.seen = seen

    async def __call__(self, info: Info) -> None:
        """Note the handler, later."""
        await asyncio.sleep(0)
        self.seen.append(info.modified_handler)


@pytest.mark.parametrize("kind", ["function", "object", "partial"])
def test_an_async_instrumentation_runs_beside_the_request(kind: str) -> None:
    """The Instrumentator awaits it; here it delays nobody."""
    seen: list[str] = []

    async def note(seen: list[str], info: Info) -> None:
        await asyncio.sleep(0)
        seen.append(info.modified_handler)

    async def function(info: Info) -> None:
        await note(seen, info)

    made: dict[str, Any] = {
        "function": function,
        "object": Asynchronous(seen),
        "partial": partial(note, seen),
    }
    app = instrumented(made[kind])

    asyncio.run(to_the_end(app))
    assert ["/x/{y}"] == seen


def test_an_async_instrumentation_that_raises_is_counted() -> None:
    """After the response nobody else would hear of it."""

    async def broken(info: Info) -> None:
        raise KeyError

    app = instrumented(broken)

    with internal_errors() as errors:
        asyncio.run(to_the_end(app))
    assert {"metrics.instrumentation": 1} == errors

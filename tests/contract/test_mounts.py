"""The contract in mounted applications, and what they keep of their own."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.middleware.base import RequestResponseEndpoint
from starlette.responses import Response
from starlette.testclient import TestClient

from steadfastapi.testing import capture
from support.apps import configured


@pytest.mark.parametrize("is_async", [True, False])
def test_a_handler_of_unhandled_errors_answers_also_without_the_parent(
    *, is_async: bool
) -> None:
    """Served by itself after it was mounted, the application is as it was."""
    answered = []

    async def answer(request: Request, error: Exception) -> Response:
        answered.append(str(error))
        return JSONResponse({"mine": 1}, 500)

    def answer_sync(request: Request, error: Exception) -> Response:
        answered.append(str(error))
        return JSONResponse({"mine": 1}, 500)

    app, mounted = FastAPI(), FastAPI()
    mounted.add_exception_handler(Exception, answer if is_async else answer_sync)

    @mounted.get("/crash")
    def crash() -> None:
        raise ValueError("boom")

    app.mount("/m", mounted)
    configured(app)
    parent = TestClient(app, raise_server_exceptions=False)
    alone = TestClient(mounted, raise_server_exceptions=False)

    assert {"mine": 1} == parent.get("/m/crash").json()
    assert {"mine": 1} == alone.get("/crash").json()
    assert ["boom", "boom"] == answered


def test_a_stream_that_breaks_behind_middleware_is_a_server_error() -> None:
    """Starlette's middleware class ends the body as if all were well."""
    app = FastAPI()

    @app.middleware("http")
    async def pass_on(request: Request, call_next: RequestResponseEndpoint) -> Response:
        return await call_next(request)

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        def chunks() -> Iterator[bytes]:
            yield b"a"
            raise ValueError("broken")

        return StreamingResponse(chunks())

    configured(app)
    with capture(app) as seen:
        TestClient(app, raise_server_exceptions=False).get("/stream")

    assert [(200, "server_error")] == [(e.status, e.outcome) for e in seen.exchanges]

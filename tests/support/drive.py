"""The same requests in process and over a real uvicorn.

What is green on Starlette's TestClient can fail under a server (ROUTE-6), so tests of
what a request leaves behind run on both: `@on_both`, then `visit(app, how, …)`.
"""

import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import anyio
import httpx2
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from steadfastapi.testing import Captured, capture
from support._tcp import CHUNK
from support.asgi import call
from support.server import LiveServer

DRIVERS = ("in process", "uvicorn")
BATCH = 250
"""Requests on one connection: few enough to fit in the sockets' buffers."""
TIMEOUT = 10.0

on_both = pytest.mark.parametrize("how", DRIVERS)


@contextmanager
def driven(app: FastAPI, how: str, root_path: str = "") -> Iterator[Any]:
    """Serve an application; when the context ends, every request is finished.

    Args:
        app: The application.
        how: One of `DRIVERS`.
        root_path: The prefix that the server says a proxy has taken off.

    Yields:
        A client with `request(method, url, headers=…)`, of httpx's kind.
    """
    if how == "uvicorn":
        with (
            LiveServer(app, root_path=root_path) as server,
            httpx2.Client(base_url=server.url) as client,
        ):
            yield client
    else:
        with TestClient(
            app,
            raise_server_exceptions=False,
            root_path=root_path,
            follow_redirects=False,
        ) as client:
            yield client


def visit(
    app: FastAPI, how: str, *targets: str, root_path: str = ""
) -> tuple[list[int], Captured]:
    """Request each target in turn.

    Args:
        app: A configured application.
        how: One of `DRIVERS`.
        *targets: `/path`, or `METHOD /path`.
        root_path: As for `driven`.

    Returns:
        The statuses, and what the application did.
    """
    with capture(app) as seen, driven(app, how) as client:
        statuses = [client.request(*_split(target)).status_code for target in targets]
    return statuses, seen


def flood(app: FastAPI, how: str, paths: Sequence[str]) -> int:
    """Send one GET a path, as fast as it goes.

    Args:
        app: The application.
        how: One of `DRIVERS`; in process without the TestClient, which is slow.
        paths: Percent-encoded paths.

    Returns:
        How many responses there were.
    """
    if how == "uvicorn":
        with LiveServer(app) as server:
            return sum(
                _pipelined(server, paths[start : start + BATCH])
                for start in range(0, len(paths), BATCH)
            )
    return anyio.run(_all_in_process, app, paths)


def in_loop(function: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any) -> Any:
    """Return what an async function returns, run in an event loop of its own."""

    async def run() -> Any:
        return await function(*args, **kwargs)

    return anyio.run(run)


async def _all_in_process(app: FastAPI, paths: Sequence[str]) -> int:
    answers = 0
    for path in paths:
        result = await call(app, path=path)
        answers += result.status is not None
    return answers


def _pipelined(server: LiveServer, paths: Sequence[str]) -> int:
    heads = [f"GET {path} HTTP/1.1\r\nHost: a\r\n" for path in paths]
    data = "\r\n".join(heads) + "Connection: close\r\n\r\n"
    answer = b""
    with socket.create_connection((server.host, server.port), TIMEOUT) as connection:
        connection.sendall(data.encode())
        while more := connection.recv(CHUNK):
            answer += more
    return answer.count(b"HTTP/1.1 ")


def _split(target: str) -> tuple[str, str]:
    method, _, path = target.rpartition(" ")
    return method or "GET", path

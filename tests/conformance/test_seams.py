"""ASGI at every seam of the built stack: each piece of ours between two validators."""

from __future__ import annotations

import importlib.util
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from starlette.testclient import TestClient

from support.asgi import AsgiResult, call, call_websocket
from support.conformance_app import LIMIT, LIMITED_BODIES, OFFERED, shop
from support.services import require

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

BACKENDS = ["asyncio", "trio"]


def run(backend: str, function: Callable[[], Awaitable[AsgiResult]]) -> AsgiResult:
    """Run one connection in a loop of this kind."""
    if backend == "trio":
        require("trio", importlib.util.find_spec("trio"))
    return anyio.run(function, backend=backend)


EVERY: dict[str, tuple[Callable[..., Awaitable[AsgiResult]], int | None]] = {
    "GET": (partial(call, path="/plain"), 200),
    "HEAD": (partial(call, method="HEAD", path="/head"), 200),
    "a body in chunks": (
        partial(call, method="POST", path="/read", body=[b"a", b"b"]),
        200,
    ),
    "a body in a mount": (
        partial(call, method="POST", path="/m/read", body=[b"a", b"b"]),
        200,
    ),
    "204": (partial(call, path="/empty"), 204),
    "404": (partial(call, path="/nowhere"), 404),
    "404 in a mount": (partial(call, path="/m/nowhere"), 404),
    "404 in Starlette": (partial(call, path="/plain-starlette/no"), 404),
    "405": (partial(call, method="PUT", path="/plain"), 405),
    "422": (partial(call, path="/numbers/a"), 422),
    "422 in a mount": (partial(call, path="/m/numbers/a"), 422),
    "redirect": (partial(call, path="/plain/"), 307),
    "preflight": (
        partial(
            call,
            method="OPTIONS",
            headers=[
                ("origin", "https://a.example"),
                ("access-control-request-method", "GET"),
            ],
        ),
        200,
    ),
    "crash": (partial(call, path="/crash"), 500),
    "crash in a thread": (partial(call, path="/crash/sync"), 500),
    "crash in a mount": (partial(call, path="/m/crash"), 500),
    "crash over HTTP/2": (
        partial(call, path="/crash", scope={**OFFERED, "http_version": "2"}),
        500,
    ),
    "stream": (partial(call, path="/stream"), 200),
    "crash mid-stream": (partial(call, path="/stream/crash"), 200),
    "file": (partial(call, path="/file"), 200),
    "trailers": (partial(call, path="/trailers/"), 200),
    "task": (partial(call, path="/background"), 200),
    "task in a mount": (partial(call, path="/m/background"), 200),
    "task that crashes": (partial(call, path="/background/crash"), 200),
    "task that crashes in a mount": (partial(call, path="/m/background/crash"), 200),
    "gone before": (partial(call, path="/stream", disconnect_after=0), None),
    "gone before a crash": (partial(call, path="/crash", disconnect_after=0), None),
    "gone mid-stream": (partial(call, path="/stream", disconnect_after=2), 200),
    "a body that ends early": (
        partial(call, method="POST", path="/read", body=b"a", truncated=True),
        500,  # Starlette's, to nobody
    ),
    "metrics": (partial(call, path="/metrics"), 200),
    "live": (partial(call, path="/health/live"), 200),
    "events": (
        partial(call, path="/health/ready/stream", disconnect_after=2),
        200,
    ),
    "console": (partial(call, path="/ops/login"), 200),
    "WebSocket": (partial(call_websocket, path="/ws/talk", incoming=["hello"]), None),
}
EVERY |= {
    f"WebSocket: {what}{where}": (
        partial(call_websocket, path=f"{where}/ws/{what}", incoming=["hello"]),
        403 if what == "deny" else None,
    )
    for what in ("close", "refuse", "deny", "crash before", "crash after")
    for where in ("", "/m")
}
"""How to drive a connection, and the status where one is sent."""


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("drive", "status"), EVERY.values(), ids=EVERY)
def test_no_seam_sees_a_message_out_of_order(
    drive: Callable[..., Awaitable[AsgiResult]], status: int | None, backend: str
) -> None:
    """Success, error, refusal, stream, task, disconnect, WebSocket, on both loops."""
    app, _, seams = shop()
    options = {"scope": OFFERED} | getattr(drive, "keywords", {})

    result = run(backend, partial(drive, app, **options))

    assert [] == seams.violations
    assert status == result.status


@pytest.mark.parametrize("backend", BACKENDS)
def test_refusals_of_each_piece_are_in_order(backend: str) -> None:
    """A limit, maintenance and a body that is too large, each by another piece."""
    app, stack, seams = shop()
    requests = {
        "limited": partial(call, app, path="/limited"),
        "refused": partial(call, app, path="/limited"),
        "declared": partial(
            call,
            app,
            method="POST",
            path="/read",
            headers=[("content-length", str(LIMIT + 1))],
            body=b"a" * (LIMIT + 1),
        ),
        "counted": partial(
            call, app, method="POST", path="/read", body=[b"a" * LIMIT, b"a"]
        ),
    }
    statuses = [run(backend, one).status for one in requests.values()]
    stack.health.set_maintenance()
    statuses.append(run(backend, partial(call, app, path="/plain")).status)

    assert [] == seams.violations
    too_large = 413 if LIMITED_BODIES else 200
    assert [200, 429, too_large, too_large, 503] == statuses


@pytest.mark.skipif(not LIMITED_BODIES, reason="needs FastAPI(max_body_size=)")
def test_a_body_limit_holds_behind_the_middleware_of_a_mount() -> None:
    """A BaseHTTPMiddleware raises it in a group; bare, the answer is a 413."""
    app, _, seams = shop()
    drive = partial(call, app, method="POST", path="/m/read")

    result = run("asyncio", partial(drive, body=[b"a" * LIMIT, b"a"]))

    assert (413, None, []) == (result.status, result.exception, seams.violations)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_whole_life_is_in_order(backend: str) -> None:
    """Startup, requests, a WebSocket, shutdown, as Starlette's client serves them."""
    if backend == "trio":
        require("trio", importlib.util.find_spec("trio"))
    app, _, seams = shop()
    options: Any = {"backend": backend, "raise_server_exceptions": False}
    with TestClient(app, **options) as client:
        paths = ["/plain", "/crash", "/m/crash", "/metrics", "/health/ready", "/ops"]
        statuses = [client.get(path).status_code for path in paths]
        with client.websocket_connect("/ws/talk") as websocket:
            websocket.send_text("a")
            assert "a" == websocket.receive_text()

    assert [] == seams.violations
    assert [200, 500, 500, 200, 200] == statuses[:5]
    assert seams.passed["server"] > 2 * len(paths)


def test_each_piece_of_ours_stands_between_two_seams() -> None:
    """The seams are where they should be, and messages went through every one."""
    app, _, seams = shop()
    for path in ("/plain", "/m/numbers/1"):
        assert 200 == run("asyncio", partial(call, app, path=path)).status

    inside = ["RequestBodyLimitMiddleware"] if LIMITED_BODIES else []
    around = ["BodyCap"] if LIMITED_BODIES else []
    assert [
        "server",
        "outside of ExchangeMiddleware",
        "outside of ErrorBoundary",
        *(f"outside of {one}" for one in around),
        "outside of BaseHTTPMiddleware",
        "outside of CORSMiddleware",
        "outside of ErrorBoundary #2",
        *(f"outside of {one}" for one in inside),
        "outside of MaintenanceMiddleware",
        "outside of LimitMiddleware",
        "around the router",
        "outside of mount ErrorBoundary",
        "outside of mount BaseHTTPMiddleware",
        "outside of mount ErrorBoundary #2",
        "mount around the router",
    ] == list(seams.passed)
    assert min(seams.passed.values()) >= 2


def test_without_middleware_there_is_one_boundary() -> None:
    """The outer one has nobody to answer for; the seams close up."""
    app, _, seams = shop(middleware=False)
    crash = run("asyncio", partial(call, app, path="/crash"))

    assert (500, []) == (crash.status, seams.violations)
    boundaries = [one for one in seams.passed if one.startswith("outside of ErrorB")]
    assert (2 if LIMITED_BODIES else 1) >= len(boundaries) >= 1

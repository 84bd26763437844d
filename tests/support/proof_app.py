"""An application that does everything, with every layer on and every receiver real."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import BackgroundTasks, FastAPI, WebSocket

from steadfastapi import (
    SLO,
    Console,
    Health,
    Inbox,
    Limits,
    Logs,
    Metrics,
    Sentry,
    SLOs,
    Tracing,
)
from support.asgi import AsgiResult, call, call_websocket
from support.sabotage import shop

TOKEN = "token-of-the-proof-tests"
NOWHERE = "http://127.0.0.1:9"
"""The discard port, where nobody listens."""

Drive = Callable[[Any], Awaitable[AsgiResult]]

REQUESTS: Mapping[str, Drive] = {
    "json": partial(call, path="/ok"),
    "stream": partial(call, path="/stream"),
    "body": partial(call, method="POST", path="/echo", body=[b"a", b"b"]),
    "conflict": partial(call, path="/conflict"),
    "unmatched": partial(call, path="/nowhere"),
    "wrong method": partial(call, method="PUT", path="/ok"),
    "invalid": partial(call, path="/search"),
    "crash": partial(call, path="/crash"),
    "background": partial(call, method="POST", path="/work"),
    "mounted": partial(call, path="/sub/ok"),
    "mounted crash": partial(call, path="/sub/crash"),
    "socket": partial(call_websocket, path="/socket", incoming=["a", "b"]),
    "socket crash": partial(call_websocket, path="/socket/crash"),
    "gone": partial(call, path="/stream", disconnect_after=2),
}
"""What every plan is asked, by what it shows."""


def whole_shop() -> FastAPI:
    """Return `shop`, with a task in the background, a mount and WebSockets as well."""
    app, sub = shop(), FastAPI()
    done: list[str] = []
    app.state.done = done

    @app.post("/work", status_code=202)
    async def work(tasks: BackgroundTasks) -> str:
        done.append("asked")
        tasks.add_task(done.append, "worked")
        return "soon"

    @app.websocket("/socket")
    async def socket(connection: WebSocket) -> None:
        await connection.accept()
        async for text in connection.iter_text():
            await connection.send_text(text.upper())

    @app.websocket("/socket/crash")
    async def crashing(connection: WebSocket) -> None:
        await connection.accept()
        raise ValueError("crash")

    @sub.get("/ok")
    def ok() -> str:
        return "fine"

    @sub.get("/crash")
    def crash() -> None:
        raise ValueError("crash")

    app.mount("/sub", sub)
    return app


def everything(
    folder: Path, *, dsn: str = "http://key@127.0.0.1:9/1", collector: str = NOWHERE
) -> dict[str, Any]:
    """Return keywords of `configure` with which no layer leaves anything out.

    Args:
        folder: Where the inbox keeps its file.
        dsn: Of a Sentry.
        collector: Address of an OpenTelemetry collector.
    """
    from prometheus_fastapi_instrumentator.metrics import Info

    def seen(info: Info) -> None:
        """Count nothing."""

    async def seen_later(info: Info) -> None:
        """Count nothing."""

    def process(_logger: Any, _method: str, line: dict[str, Any]) -> dict[str, Any]:
        return line

    return {
        "logs": Logs(renderer="json", endpoint=collector, processors=(process,)),
        "metrics": Metrics(instrumentations=(seen, seen_later), port=0),
        "tracing": Tracing(endpoint=collector, instrument=False),
        "sentry": Sentry.model_validate({"dsn": dsn}),
        "limits": Limits(default=("1000000/minute",)),
        "health": Health(
            probes=(lambda: None,), alerters=(lambda alert: None,), serve_503=True
        ),
        "inbox": Inbox.model_validate(
            {
                "url": f"sqlite:///{folder / 'inbox.db'}",
                "alerters": (lambda alert: None,),
            }
        ),
        "slo": SLOs(slos=(SLO(availability=99.9, latency=(0.25, 99.0)),)),
        "console": Console.model_validate({"token": TOKEN}),
    }


async def asked(
    app: FastAPI, requests: Mapping[str, Drive], rounds: int = 1
) -> AsyncIterator[tuple[str, AsgiResult]]:
    """Start an application, send it every request, and stop it."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(app.router.lifespan_context(app))
        for _ in range(rounds):
            for name, drive in requests.items():
                yield name, await drive(app)

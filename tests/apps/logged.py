"""An application that says something in every way there is, for real servers."""

import logging
import warnings

import structlog
from fastapi import FastAPI, WebSocket

from steadfastapi import bind, configure


def make() -> FastAPI:
    """Return the application, configured as a server's factory would."""
    app = FastAPI()
    # The link of the console is for people, on a line of its own.
    configure(app, tracing=False, sentry=False, console=False)

    @app.get("/ok")
    async def ok() -> str:
        bind(user_id=7)
        return "ok"

    @app.get("/says")
    def says() -> None:
        structlog.get_logger("shop").info("by structlog")
        logging.getLogger("shop").warning("by stdlib")
        warnings.warn("by warnings", stacklevel=1)

    @app.get("/crash")
    async def crash() -> float:
        return 1 / 0

    @app.websocket("/ws")
    async def echo(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(await websocket.receive_text())
        await websocket.close()

    return app

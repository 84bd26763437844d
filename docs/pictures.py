"""Draw the pictures of the docs from a running application: `make pictures`."""

from __future__ import annotations

import logging
import os
import sys
from io import StringIO
from pathlib import Path

import structlog
from fastapi import FastAPI, HTTPException
from rich.console import Console
from rich.text import Text
from starlette.testclient import TestClient

from steadfastapi import Logs, bind, configure

IMAGES = Path(__file__).parent / "images"
WIDTH = 122

# Rich's own template loads fonts from a CDN; the reader's monospace will do.
TEMPLATE = IMAGES / "terminal.svg.template"
ROOT = Path(__file__).parents[1]


def console_output() -> str:
    """Return what a developer sees: real requests to a real application."""
    os.environ["FORCE_COLOR"] = "1"  # what is drawn is not a terminal
    app = FastAPI(title="Shop")
    configure(app, logs=Logs(renderer="console"), tracing=False, metrics=False)
    log = structlog.get_logger("shop.orders")

    @app.get("/users/{user_id}")
    def user(user_id: int) -> dict[str, int]:
        bind(user_id=user_id)
        return {"id": user_id}

    @app.post("/users", status_code=201)
    def sign_up() -> None:
        raise HTTPException(409, "User already exists")

    @app.get("/orders/{order_id}")
    def order(order_id: int) -> dict[str, int]:
        bind(user_id=7)
        log.info("order priced", order_id=order_id, api_key="sk-1234")
        return {"id": order_id}

    @app.get("/reports/daily")
    def report() -> float:
        return 1 / 0

    from steadfastapi.logs.pipeline import pipeline  # noqa: PLC0415 - once installed

    pipeline.stream = stream = StringIO()
    for name in ("httpx", "httpx2"):
        logging.getLogger(name).setLevel(logging.WARNING)
    with TestClient(app, raise_server_exceptions=False) as client:
        client.get("/users/7")
        client.post("/users")
        client.get("/orders/42?coupon=spring")
        client.get("/nowhere")
        client.get("/reports/daily")
    return stream.getvalue().replace(f"{ROOT}/", "")


def main() -> None:
    """Write `docs/images/console.svg`."""
    console = Console(record=True, width=WIDTH, file=StringIO(), force_terminal=True)
    console.print(Text.from_ansi(console_output()), soft_wrap=False)
    template = TEMPLATE.read_text(encoding="utf-8")
    console.save_svg(
        str(IMAGES / "console.svg"), title="uvicorn shop:app", code_format=template
    )
    sys.stdout.write("docs/images/console.svg\n")


if __name__ == "__main__":
    main()

"""Customers who watch their orders live; needs the package websockets."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from steadfastapi._service import package_version
from steadfastapi.cli import customers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from steadfastapi.cli.customers import Customer

TIMEOUT = 10.0
PROXY_SINCE = 15
"""The version of websockets that began to use a proxy from the environment."""


def available() -> bool:
    """Return whether client and server can speak WebSocket."""
    try:
        return find_spec("websockets.asyncio.client") is not None
    except ModuleNotFoundError:
        return False


async def watch(customer: Customer) -> None:
    """Say hello, place an order and wait for its receipt."""
    await _connect(customer, customer.token, partial(_order, customer))


async def watch_anonymously(customer: Customer) -> None:
    """Say hello without being logged in."""
    await _connect(customer, None, _say_hello)


async def watch_with_bad_token(customer: Customer) -> None:
    """Be turned away: 403."""
    await _connect(customer, "expired", _say_hello, expect=403)


async def _order(customer: Customer, socket: Any) -> None:
    await _say_hello(socket)
    if await customers.place_order(customer):
        await _next(socket, "receipt")


async def _say_hello(socket: Any) -> None:
    await socket.send("hello")
    await _next(socket, "echo")


async def _next(socket: Any, kind: str) -> None:
    """Wait for the next message of a kind."""
    async with asyncio.timeout(TIMEOUT):
        while json.loads(await socket.recv())["type"] != kind:
            pass


async def _connect(
    customer: Customer,
    token: str | None,
    talk: Callable[[Any], Awaitable[None]],
    *,
    expect: int = 101,
) -> None:
    """Open a WebSocket and talk; another answer than the right one is a complaint."""
    from websockets.asyncio.client import connect  # noqa: PLC0415 - is optional
    from websockets.exceptions import (  # noqa: PLC0415
        InvalidStatus,
        WebSocketException,
    )

    status = 101
    try:
        async with connect(
            customer.client.base_url.replace("http", "ws", 1) + "/ws/orders",
            subprotocols=["bearer", token] if token else None,  # type: ignore[list-item]
            additional_headers=await customer.client.socket_headers(),
            open_timeout=TIMEOUT,
            close_timeout=TIMEOUT,
            **_direct(),
        ) as socket:
            await talk(socket)
    except InvalidStatus as error:
        status = error.response.status_code
    except (WebSocketException, OSError, TimeoutError) as error:
        _complain(customer, "unanswered", type(error).__name__)
        return
    if status != expect:
        _complain(customer, "status", f"{status} instead of {expect}")


def _direct() -> dict[str, Any]:
    """Keep the proxies of the environment out, where they would be used."""
    major = package_version("websockets").partition(".")[0]
    return {"proxy": None} if int(major) >= PROXY_SINCE else {}


def _complain(customer: Customer, kind: str, sentence: str) -> None:
    customer.client.tally.complain(kind, f"WS /ws/orders: {sentence}")

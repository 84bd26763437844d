"""Instrumentations written for prometheus-fastapi-instrumentator, unchanged."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

from steadfastapi._guard import guard
from steadfastapi.metrics.observer import status_label
from steadfastapi.signals import UNMATCHED

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from prometheus_fastapi_instrumentator.metrics import Info

    from steadfastapi._exchange import Exchange
    from steadfastapi._observers import Observer


def as_observer(function: Callable[[Info], Any], *, exact_status: bool) -> Observer:
    """Return an observer that calls an instrumentation.

    Args:
        function: `def f(info: Info) -> None`, or `async def`, which then runs beside
            the request instead of delaying it.
        exact_status: Whether the status label holds the code instead of its class.
    """
    call = _beside(function) if _is_async(function) else function

    def observe(exchange: Exchange) -> None:
        if not exchange.quiet and exchange.kind == "http":
            call(info_of(exchange, exact_status=exact_status))

    return observe


def info_of(exchange: Exchange, *, exact_status: bool) -> Info:
    """Return what the Instrumentator would have passed for this exchange."""
    from prometheus_fastapi_instrumentator.metrics import Info  # noqa: PLC0415
    from starlette.requests import Request  # noqa: PLC0415
    from starlette.responses import Response  # noqa: PLC0415

    status = exchange.status or 500
    response = Response(status_code=status)
    response.raw_headers = list(exchange.response_headers)
    return Info(
        request=Request(exchange.scope),
        response=response,
        method=exchange.method,
        modified_handler=exchange.route or UNMATCHED,
        modified_status=status_label(status, exact=exact_status),
        modified_duration=exchange.duration,
        modified_duration_without_streaming=exchange.time_to_first_byte or 0.0,
    )


def _is_async(function: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - the method itself is asked
    )


def _beside(
    function: Callable[[Info], Coroutine[Any, Any, None]],
) -> Callable[[Info], None]:
    running: set[asyncio.Task[None]] = set()

    def done(task: asyncio.Task[None]) -> None:
        running.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            guard.swallow("metrics.instrumentation", error)

    def call(info: Info) -> None:
        task = asyncio.get_running_loop().create_task(function(info))
        running.add(task)  # the loop itself keeps no task alive
        task.add_done_callback(done)

    return call

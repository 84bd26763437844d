"""Outbound calls by httpx and httpx2.

`send` is where every request of a client passes, whichever method made it, and where
its errors come from; event hooks see no call that failed.
"""

from __future__ import annotations

import functools
import inspect
from time import perf_counter
from typing import Any

from steadfastapi._counts import counts
from steadfastapi.exceptions import ConfigurationError
from steadfastapi.signals import HTTP_CLIENT_DURATION, METHODS, OTHER_METHOD

UNANSWERED = "none"
"""`status` of a call without an answer."""
_WATCHED = "_steadfastapi_target"


def watch_client(client: Any, target: str | None = None) -> None:
    """Time the calls of a client; see `Stack.watch_client`."""
    name = target or getattr(getattr(client, "base_url", None), "host", "")
    if not name:
        raise ConfigurationError(
            "watch_client(client) does not know what is called: give the client a "
            'base_url, or write watch_client(client, target="partner").'
        )
    send = getattr(client, "send", None)
    if send is None:
        raise ConfigurationError(
            f"watch_client() takes a client of httpx, and got {type(client).__name__}."
        )
    if hasattr(client, _WATCHED):
        return
    timed = _asynchronous if inspect.iscoroutinefunction(send) else _synchronous
    client.send = timed(send, name)
    setattr(client, _WATCHED, name)


def _synchronous(send: Any, target: str) -> Any:
    @functools.wraps(send)
    def timed(request: Any, *args: Any, **kwargs: Any) -> Any:
        began, status = perf_counter(), UNANSWERED
        try:
            response = send(request, *args, **kwargs)
            status = str(response.status_code)
            return response
        finally:
            _observe(target, request, status, perf_counter() - began)

    return timed


def _asynchronous(send: Any, target: str) -> Any:
    @functools.wraps(send)
    async def timed(request: Any, *args: Any, **kwargs: Any) -> Any:
        began, status = perf_counter(), UNANSWERED
        try:
            response = await send(request, *args, **kwargs)
            status = str(response.status_code)
            return response
        finally:
            _observe(target, request, status, perf_counter() - began)

    return timed


def _observe(target: str, request: Any, status: str, seconds: float) -> None:
    method = str(getattr(request, "method", OTHER_METHOD)).upper()
    if method not in METHODS:
        method = OTHER_METHOD
    counts.observe(HTTP_CLIENT_DURATION, seconds, target, method, status)

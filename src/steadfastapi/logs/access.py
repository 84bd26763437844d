"""The access line, and the line of an exception."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from steadfastapi._scrub import scrub_text
from steadfastapi.logs.pipeline import pipeline, timestamp
from steadfastapi.logs.reported import mark_reported
from steadfastapi.signals import UNMATCHED

if TYPE_CHECKING:
    from steadfastapi._exchange import Exchange

MAX_PATH = 2 * 1024
MAX_CLIENT = 64
"""Characters. A server that trusts `X-Forwarded-For` lets the client choose them."""

_NUMBERS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def level_of(exchange: Exchange, duration: float, slow_after: float) -> str:
    """Return the level of an exchange's access line.

    An exception has a line of its own at level error; its access line then is a
    warning, so that one crash is one error line.
    """
    if exchange.outcome == "server_error":
        error = exchange.error
        told = error is not None and not is_deliberate(exchange, error)
        return "warning" if told else "error"
    if exchange.outcome == "ok" and exchange.kind == "http":
        return "warning" if duration > slow_after else "info"
    return "info"


def is_deliberate(exchange: Exchange, exception: BaseException) -> bool:
    """Return whether an exception is an answer (`HTTPException`) and no crash."""
    return exchange.handled and getattr(exception, "status_code", None) is not None


class AccessLine:
    """Writes one line per finished exchange.

    Args:
        slow_after: Seconds after which a success becomes a warning.
    """

    def __init__(self, *, slow_after: float) -> None:
        self._slow_after = slow_after

    def __call__(self, exchange: Exchange) -> None:
        """Write the line; successful health checks and scrapes have none."""
        # A stream of ours ends when its reader leaves: pages of the console have one.
        read = exchange.outcome == "aborted" and exchange.streamed
        if exchange.quiet and (exchange.outcome == "ok" or read):
            return
        duration = exchange.duration
        level = level_of(exchange, duration, self._slow_after)
        if _NUMBERS[level] >= pipeline.level:
            event = access_event(exchange, level, duration)
            pipeline.emit_own(event, exchange.fields.copy())


def access_event(exchange: Exchange, level: str, duration: float) -> dict[str, Any]:
    """Return the fields of an access line; the path without its query (LOG-5)."""
    client = exchange.client
    event: dict[str, Any] = {
        "timestamp": timestamp(),
        "level": level,
        "event": "request" if exchange.kind == "http" else "websocket",
        "method": exchange.method,
        "route": exchange.route or UNMATCHED,
        "path": scrub_text(exchange.path, MAX_PATH),
        "status": exchange.status,
        "duration_ms": round(duration * 1000, 3),
        "outcome": exchange.outcome,
        "client": None if client is None else scrub_text(client, MAX_CLIENT),
        "request_id": exchange.id,
    }
    if exchange.trace_id is not None:
        event["trace_id"] = exchange.trace_id
        event["span_id"] = exchange.span_id
    if exchange.kind == "websocket":
        event["close_code"] = exchange.close_code
    return event


def log_error(exchange: Exchange, exception: BaseException) -> None:
    """Write the one error line of an exception, with its traceback."""
    if is_deliberate(exchange, exception):
        return  # its access line says everything
    mark_reported(exception)
    if exchange.end is not None:
        event = "error after the response"  # a background task, as a rule
    else:
        event = "handled error" if exchange.handled else "unhandled error"
    pipeline.emit(
        "error",
        event,
        {
            "error_type": type(exception).__name__,
            "method": exchange.method,
            "route": exchange.resolve_route() or UNMATCHED,
            "path": scrub_text(exchange.path, MAX_PATH),
            "exc_info": exception,
        },
    )

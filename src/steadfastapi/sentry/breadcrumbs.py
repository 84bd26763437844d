"""structlog's lines as breadcrumbs; those of stdlib loggers the SDK takes itself."""

from __future__ import annotations

from typing import Any

import sentry_sdk

from steadfastapi._exchange import current_exchange

_FACTS = frozenset(
    {
        "event",
        "exc_info",
        "level",
        "logger",
        "request_id",
        "route",
        "span_id",
        "stack_info",
        "timestamp",
        "trace_id",
    }
)
"""What the event says anyway, or what is no JSON."""


def add_breadcrumb(event: dict[str, Any]) -> dict[str, Any]:
    """Leave a breadcrumb of a log line within an exchange; return the line as is."""
    exchange = current_exchange()
    if exchange is None or "_record" in event or "error_type" in event:
        return event  # stdlib's; or our own line about the error that is sent next
    if exchange.end is not None and event.get("event") in ("request", "websocket"):
        return event  # the access line
    sentry_sdk.add_breadcrumb(
        type="log",
        category=str(event.get("logger") or "structlog"),
        level=event.get("level"),
        message=str(event.get("event")),
        data={
            name: value
            for name, value in event.items()
            if name not in _FACTS and name not in exchange.fields
        },
    )
    return event

"""What an event gets to know from the exception and from the exchange."""

from __future__ import annotations

import json
import platform
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException

from steadfastapi._exchange import current_exchange
from steadfastapi._scrub import safe_repr, safe_str, scrub
from steadfastapi.sentry.bounds import Event, text_of
from steadfastapi.sentry.event import HEADERS

if TYPE_CHECKING:
    from steadfastapi._exchange import Exchange

RUNTIME = {
    "name": platform.python_implementation(),
    "version": platform.python_version(),
}
MAX_DETAIL = 8 * 1024
"""Characters of an `HTTPException`'s detail."""


def complete(event: Event, exception: BaseException | None) -> None:
    """Add to `event` what the exception and the current exchange know."""
    if event.get("type") not in (None, "event"):
        return  # a check-in of a cron monitor, or feedback
    _part(event, "contexts").setdefault("runtime", RUNTIME)
    if isinstance(exception, HTTPException):
        add_http(event, exception, detail_of(exception))
    exchange = current_exchange()
    if exchange is not None:
        _add_exchange(event, exchange)


def add_http(event: Event, exception: HTTPException, detail: Any) -> None:
    """Add what the client was told, which the SDK keeps as text at best (SENTRY-6)."""
    extra = _part(event, "extra")
    extra["http_exception_detail"] = detail
    extra["status_code"] = status = getattr(exception, "status_code", 500)
    _part(event, "tags")["http_status"] = str(status)


def detail_of(exception: HTTPException) -> Any:
    """Return the detail as it is; an enumeration of strings as what the client got."""
    detail = getattr(exception, "detail", None)  # a subclass may not call super()
    return str.__str__(detail) if isinstance(detail, str) else detail


def safe_detail(exception: HTTPException) -> Any:
    """Return the detail with its structure, bounded and scrubbed."""
    detail = detail_of(exception)
    if isinstance(detail, str):
        return text_of(detail, MAX_DETAIL)
    encoded = json.dumps(scrub(detail, limit=1024, depth=5))
    if len(encoded) > MAX_DETAIL:
        return text_of(safe_repr(detail, MAX_DETAIL), MAX_DETAIL)
    return json.loads(encoded, parse_constant=str)  # NaN is no JSON


def trusted(event: Event, given: Event) -> Event:
    """Return the clean `event`, route templates as they stand in the code.

    To the patterns `/tokens:revoke` looks like a secret; as a template it is none,
    and must read the same in logs, metrics and Sentry (ROUTE-1).

    Args:
        event: The event after it was scrubbed.
        given: The same before.
    """
    exchange = current_exchange()
    if exchange is None or exchange.route is None:
        return event
    if given.get("transaction") == _transaction(exchange):
        event["transaction"] = given["transaction"]
    tags = event.get("tags")
    if tags and given["tags"].get("route") == exchange.route:
        tags["route"] = exchange.route
    return event


def _transaction(exchange: Exchange) -> str:
    return f"{exchange.method} {exchange.resolve_route() or 'none'}"


def _part(event: Event, name: str) -> dict[str, Any]:
    part = event.get(name)
    if not isinstance(part, dict):
        part = event[name] = {}
    return part


def _add_exchange(event: Event, exchange: Exchange) -> None:
    if _part(event, "transaction_info").get("source") != "custom":
        event["transaction"] = _transaction(exchange)
        event["transaction_info"] = {"source": "route"}
    tags = _part(event, "tags")
    tags["request_id"] = exchange.id
    tags["route"] = exchange.resolve_route() or "none"
    contexts = _part(event, "contexts")
    if exchange.trace_id is not None:
        trace = _part(contexts, "trace")
        trace.pop("dynamic_sampling_context", None)  # of a trace of Sentry's own
        trace["trace_id"] = exchange.trace_id
        trace["span_id"] = exchange.span_id
    if exchange.fields:
        contexts["exchange"] = dict(exchange.fields)
        if "user_id" in exchange.fields:
            user = _part(event, "user")
            user.setdefault("id", safe_str(exchange.fields["user_id"], 128))
    event["request"] = _request(exchange)


def _request(exchange: Exchange) -> dict[str, Any]:
    scope = exchange.scope
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        text = name.decode("latin-1")
        if text in HEADERS:
            headers[text] = value.decode("latin-1")
    server = scope.get("server") or ("localhost", None)
    host = headers.get("host") or server[0]
    return {
        "method": exchange.method,
        "url": f"{scope.get('scheme', 'http')}://{host}{exchange.path}",
        "query_string": scope.get("query_string", b"").decode("latin-1"),
        "headers": headers,
    }

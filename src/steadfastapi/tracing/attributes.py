"""What a server span says about its request, in OpenTelemetry's words."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from steadfastapi._middleware import KNOWN_METHODS
from steadfastapi._scrub import scrub_query, scrub_text
from steadfastapi.tracing.clean import MAX_VALUE

if TYPE_CHECKING:
    from starlette.types import Scope

    from steadfastapi._exchange import Exchange

MAX_HOST = 255
"""Characters of a Host header; a name of the DNS is not longer (RFC 1035)."""

_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


def method_name(method: str) -> str:
    """Return the first word of a span's name, from a closed set."""
    if method == "WEBSOCKET":
        return "WS"
    return method if method in KNOWN_METHODS else "HTTP"


def attributes_of(exchange: Exchange) -> dict[str, Any]:
    """Return what is known of a request before it is served, in OpenTelemetry's words.

    What a sampler may look at is here from the start.
    """
    scope = exchange.scope
    if exchange.kind == "http":
        scheme = scope.get("scheme", "http")
        found: dict[str, Any] = {
            "http.request.method": exchange.method,
            "url.scheme": scheme,
            "url.path": exchange.path[:MAX_VALUE],
            "network.protocol.version": scope.get("http_version", "1.1"),
        }
        if exchange.method == "OTHER":
            found["http.request.method"] = "_OTHER"
            found["http.request.method_original"] = scope["method"]
        query = scope.get("query_string")
        if query:
            found["url.query"] = scrub_query(query.decode("latin-1"))[:MAX_VALUE]
    else:
        scheme = scope.get("scheme", "ws")
        found = {"url.scheme": scheme, "network.protocol.name": "websocket"}
    address, port = _server(scope)
    if address:
        found["server.address"] = address
        found["server.port"] = port or _DEFAULT_PORTS.get(scheme, 80)
    return found


def _server(scope: Scope) -> tuple[str | None, int | None]:
    for name, value in scope["headers"]:
        if name == b"host":
            return _authority(value) if len(value) <= MAX_HOST else (None, None)
    server = scope.get("server") or (None, None)
    return server[0], server[1]


@lru_cache(maxsize=128)  # the client chooses the value: bounded
def _authority(value: bytes) -> tuple[str | None, int | None]:
    """Return name and port in a Host header; nothing of one that is malformed."""
    try:
        url = urlsplit("//" + value.decode("ascii"))
        port = url.port
    except ValueError:
        return None, None
    if url.username is not None or url.path or url.query or url.fragment:
        return None, None
    name = url.hostname
    return scrub_text(name, MAX_HOST) if name else None, port

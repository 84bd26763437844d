"""Counts and times each finished exchange."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from steadfastapi.metrics import multiprocess
from steadfastapi.signals import (
    DURATION_BUCKETS,
    HTTP_ABORTED,
    HTTP_EXCEPTIONS,
    HTTP_IN_PROGRESS,
    HTTP_REQUEST_DURATION,
    HTTP_REQUEST_SIZE,
    HTTP_REQUESTS,
    HTTP_RESPONSE_SIZE,
    HTTP_RESPONSE_START,
    OTHER,
    UNMATCHED,
    WEBSOCKET_CONNECTIONS,
    WEBSOCKET_DURATION,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steadfastapi._exchange import Exchange
    from steadfastapi.metrics.registry import Families

MAX_EXCEPTION_TYPES = 100
MAX_PREPARED = 500
"""Series that are there before the first error: a quarter of what a family holds."""

EXEMPLAR_INTERVAL = 1.0
"""Seconds between two exemplars of one bucket: Prometheus keeps the last one of a
scrape, and building one costs as much as the observation."""

SERVER_ERROR = 500


class _Series:
    """The children that one kind of request touches, looked up once (PROM-12)."""

    __slots__ = ("count", "duration", "exemplar_due", "request_size", "response_size")

    def __init__(self, families: Families, labels: tuple[str, str, str]) -> None:
        handler = labels[0]
        self.count = (
            families.child(HTTP_REQUESTS, *labels).inc
            if families.has(HTTP_REQUESTS)
            else None
        )
        self.duration = families.child(HTTP_REQUEST_DURATION, *labels).observe
        self.request_size = families.child(HTTP_REQUEST_SIZE, handler).observe
        self.response_size = families.child(HTTP_RESPONSE_SIZE, handler).observe
        self.exemplar_due = [0.0] * (len(DURATION_BUCKETS) + 1)


class RequestMetrics:
    """Observes exchanges.

    Args:
        families: Where to.
        exact_status: Whether the status label holds the code instead of its class.
    """

    def __init__(self, families: Families, *, exact_status: bool) -> None:
        self._families = families
        self.exact_status = exact_status or families.naming == "otel"
        self._exemplars = not multiprocess.active()
        self._series: dict[tuple[str | None, str, int], _Series] = {}
        self._types: set[str] = set()
        self._in_progress = families.child(HTTP_IN_PROGRESS)

    def prepare(self, endpoints: Iterable[tuple[str, str]]) -> None:
        """Let the first server error of each route and method be a rise from 0.

        A series that appears with the value 1 has not risen for Prometheus, and its
        first error would be invisible.
        """
        family = HTTP_REQUESTS
        if not self._families.has(family):
            family = HTTP_REQUEST_DURATION
        status = status_label(SERVER_ERROR, exact=self.exact_status)
        for handler, method in list(dict.fromkeys(endpoints))[:MAX_PREPARED]:
            self._families.child(family, handler, method, status)

    def begin(self, exchange: Exchange) -> None:
        """Count a request as being served; a scrape does not count itself (PROM-6)."""
        if not exchange.quiet and exchange.kind == "http":
            self._in_progress.inc()

    def finish(self, exchange: Exchange) -> None:
        """Record a finished exchange."""
        if exchange.quiet:
            return
        if exchange.kind == "websocket":
            self._websocket(exchange)
            return
        self._in_progress.dec()
        status = exchange.status or SERVER_ERROR
        key = (
            exchange.route,
            exchange.method,
            status if self.exact_status else status // 100,
        )
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = self._new_series(exchange, status)
        if series.count is not None:
            series.count()
        self._observe_duration(series, exchange)
        series.request_size(exchange.request_size)
        series.response_size(exchange.response_size)
        if exchange.streamed or exchange.outcome == "aborted":
            self._unusual(exchange)

    def error(self, exchange: Exchange, exception: BaseException) -> None:
        """Count an exception that makes this exchange a server error."""
        if exchange.quiet:
            return
        if exchange.handled:
            # Before the response there is only what the exception asks for.
            status = exchange.status or getattr(exception, "status_code", SERVER_ERROR)
            if isinstance(status, int) and status < SERVER_ERROR:
                return
        name = type(exception).__name__
        if name not in self._types:
            if len(self._types) >= MAX_EXCEPTION_TYPES:
                name = OTHER
            else:
                self._types.add(name)
        route = exchange.resolve_route() or UNMATCHED
        self._families.child(HTTP_EXCEPTIONS, route, name).inc()

    def _new_series(self, exchange: Exchange, status: int) -> _Series:
        label = status_label(status, exact=self.exact_status)
        return _Series(
            self._families, (exchange.route or UNMATCHED, exchange.method, label)
        )

    def _observe_duration(self, series: _Series, exchange: Exchange) -> None:
        seconds = exchange.duration
        if self._exemplars and exchange.sampled and exchange.trace_id:
            bucket = bisect_left(DURATION_BUCKETS, seconds)
            now = exchange.start + seconds
            if now >= series.exemplar_due[bucket]:
                series.exemplar_due[bucket] = now + EXEMPLAR_INTERVAL
                series.duration(seconds, {"trace_id": exchange.trace_id})
                return
        series.duration(seconds)

    def _unusual(self, exchange: Exchange) -> None:
        handler = exchange.route or UNMATCHED
        first_byte = exchange.time_to_first_byte
        if exchange.streamed and first_byte is not None:
            self._families.child(HTTP_RESPONSE_START, handler).observe(first_byte)
        if exchange.outcome == "aborted":
            phase = "before_response" if first_byte is None else "streaming"
            self._families.child(HTTP_ABORTED, handler, phase).inc()

    def _websocket(self, exchange: Exchange) -> None:
        handler = exchange.route or UNMATCHED
        code = close_label(exchange.status, exchange.close_code)
        self._families.child(WEBSOCKET_CONNECTIONS, handler, code).inc()
        self._families.child(WEBSOCKET_DURATION, handler).observe(exchange.duration)


def status_label(status: int, *, exact: bool) -> str:
    """Return how a status is written in a label: `204` or `2xx`."""
    return str(status) if exact else f"{status // 100}xx"


def close_label(status: int | None, code: int | None) -> str:
    """Return how the end of a WebSocket is written in a label.

    The client may have chosen the code: only those of RFC 6455 stand for themselves.

    Args:
        status: Status of the handshake: 101, or what refused it.
        code: Close code.
    """
    if status is not None and status != 101:  # noqa: PLR2004 - Switching Protocols
        return str(status)
    if code is None:
        return "1006"
    if 1000 <= code <= 1015:  # noqa: PLR2004
        return str(code)
    return f"{code // 1000}xxx" if 3000 <= code < 5000 else OTHER  # noqa: PLR2004

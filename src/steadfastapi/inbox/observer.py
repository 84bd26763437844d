"""Which exchanges leave an entry, and what it is called.

| what the client got                       | event                 | level        |
|-------------------------------------------|-----------------------|--------------|
| a 500, for an exception escaped           | `unhandled_exception` | error        |
| the answer of an exception handler        | `handled_exception`   | by status    |
| an `HTTPException`                        | `http_exception`      | by status    |
| a 422                                     | `validation_error`    | by status    |
| 4xx or 5xx without an exception           | `http_error`          | by status    |
| a response; then a background task failed | `background_exception`| error        |
| a WebSocket that an exception ended       | `websocket_exception` | error        |

Entries are made when an exchange is finished: status and duration are known then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steadfastapi._exchange import CLIENT_CLOSED_REQUEST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steadfastapi._exchange import Exchange
    from steadfastapi.inbox.capture import Sighting
    from steadfastapi.inbox.collector import Collector

BAD = 400
NOT_FOUND = 404
UNPROCESSABLE = 422
SERVER_ERROR = 500
MAX_PENDING = 10
"""Log records of one exchange that wait for its end."""
OFF = "off"


class StatusLevels:
    """The level of each status.

    Args:
        levels: `error`, `warning` or `off` by code (`404`) or class (`4xx`); the code
            wins. What is not named is off.
        unmatched: Whether paths that no route matches are anything at all.
    """

    def __init__(self, levels: Mapping[str, str], *, unmatched: bool) -> None:
        self._levels = dict(levels)
        self._unmatched = unmatched

    def of(self, exchange: Exchange) -> str:
        """Return the level of an answer."""
        status = exchange.status or SERVER_ERROR
        if status == NOT_FOUND and exchange.route is None and not self._unmatched:
            return OFF
        exact = self._levels.get(str(status))
        return exact or self._levels.get(f"{status // 100}xx", OFF)


class ExchangeWatch:
    """The observer of finished exchanges.

    Args:
        collector: Takes what is found.
        levels: The level of each status.
    """

    def __init__(self, collector: Collector, levels: StatusLevels) -> None:
        self.inbox_collector = collector
        self._levels = levels
        self._pending: dict[int, list[tuple[BaseException, Sighting]]] = {}

    def __call__(self, exchange: Exchange) -> None:
        """Take what a finished exchange leaves."""
        status = exchange.status or 0
        if exchange.reported:
            for exception in exchange.reported:
                self._exception(exchange, exception)
        elif status >= BAD and status != CLIENT_CLOSED_REQUEST:
            self._status(exchange, status)
        if self._pending:
            self._settle(exchange)

    def error(self, exchange: Exchange, exception: BaseException) -> None:
        """Take an exception that comes after the response: of a background task."""
        if exchange.end is not None:
            self.inbox_collector.exception(
                exception,
                exchange=exchange,
                event="background_exception",
                level="error",
            )

    def hold(
        self, exchange: Exchange, exception: BaseException, seen: Sighting
    ) -> bool:
        """Keep a log record until the exchange ends: its exception may escape yet.

        Returns:
            Whether it is kept; otherwise it should not wait.
        """
        if exchange.kind != "http" or exchange.end is not None:
            return False
        held = self._pending.setdefault(id(exchange), [])
        if len(held) < MAX_PENDING:
            held.append((exception, seen))
        return True

    def _exception(self, exchange: Exchange, exception: BaseException) -> None:
        event, level = self._described(exchange, exception)
        if level != OFF:
            self.inbox_collector.exception(
                exception, exchange=exchange, event=event, level=level
            )

    def _described(
        self, exchange: Exchange, exception: BaseException
    ) -> tuple[str, str]:
        if exchange.kind == "websocket":
            return "websocket_exception", "error"
        handled = exchange.handled if exception is exchange.error else True
        if not handled:
            return "unhandled_exception", "error"
        answers = getattr(exception, "status_code", None) is not None
        event = "http_exception" if answers else "handled_exception"
        return event, self._levels.of(exchange)

    def _status(self, exchange: Exchange, status: int) -> None:
        level = self._levels.of(exchange)
        if level == OFF or exchange.quiet:
            return  # what a health check or the console answers is theirs to tell
        event = "validation_error" if status == UNPROCESSABLE else "http_error"
        if exchange.noted is not None:
            self.inbox_collector.exception(
                exchange.noted, exchange=exchange, event=event, level=level
            )
            return
        what = f"{exchange.method} {exchange.route or 'none'} answered {status}"
        self.inbox_collector.message(
            what, exchange=exchange, event=event, level=level, template=event
        )

    def _settle(self, exchange: Exchange) -> None:
        """Take the log records whose exceptions did not escape."""
        held = self._pending.pop(id(exchange), ())
        told = {id(one) for error in exchange.reported for one in _chain(error)}
        for exception, seen in held:
            if id(exception) not in told:
                seen.request["status"] = exchange.status
                self.inbox_collector.give(seen)


def _chain(error: BaseException | None) -> list[BaseException]:
    """Return an exception and what led to it."""
    found: list[BaseException] = []
    while error is not None and len(found) < MAX_PENDING and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found

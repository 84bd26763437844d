"""ERROR records of the log, whoever wrote them: entries like any other.

A record with an exception waits for the end of its exchange: if the exception
escapes, as it does where it is logged and raised again, it is one entry, not two.
"""

from __future__ import annotations

import functools
import logging
import sys
from threading import local
from typing import TYPE_CHECKING, Any

from steadfastapi._exchange import Exchange, current_exchange
from steadfastapi._guard import guard
from steadfastapi.inbox.api import collector_of
from steadfastapi.inbox.capture import (
    Sighting,
    copied,
    cut,
    faults_of,
    is_captured,
    mark_captured,
    request_of,
    text_of,
)
from steadfastapi.inbox.collector import Collector
from steadfastapi.inbox.observer import ExchangeWatch

if TYPE_CHECKING:
    from collections.abc import Callable

LEVELS = frozenset({"error", "critical", "fatal"})
_ACCESS = ("request", "websocket")
_OWN = frozenset(
    {
        "_record",
        "event",
        "exc_info",
        "level",
        "request_id",
        "span_id",
        "stack_info",
        "timestamp",
        "trace_id",
    }
)
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
_NOISE = frozenset({"color_message", "taskName"})
_seen = local()
"""`_seen.record` is the last record of a thread: two applications of one process, one
with and one without the layer of the logs, would hear of it twice."""
silence = local()
"""`silence.on` is True while the event loop logs what is in the inbox already."""


def watch_event(line: dict[str, Any]) -> dict[str, Any]:
    """Take a line of the logs' pipeline if it is an error; returns it unchanged."""
    if line.get("level") in LEVELS and not _is_known(line):
        guard.call("inbox.log", _take_event, line)
    return line


def _is_known(line: dict[str, Any]) -> bool:
    """Return whether a line says what an observer of the exchange sees as well."""
    if getattr(silence, "on", False):
        return True
    if "outcome" in line and line.get("event") in _ACCESS:
        return True
    return _is_own(line.get("logger"), line.get("component"))


def _is_own(logger: Any, component: Any) -> bool:
    """Return whether the inbox talks of itself: it would never end (NB-14)."""
    name = str(logger)
    if name.startswith("steadfastapi.inbox"):
        return True
    return name.startswith("steadfastapi.") and str(component).startswith("inbox")


def _is_repeated(record: logging.LogRecord) -> bool:
    known = getattr(_seen, "record", None) is record
    _seen.record = record
    return known


def _take_event(line: dict[str, Any]) -> None:
    record = line.get("_record")
    if isinstance(record, logging.LogRecord) and _is_repeated(record):
        return
    template = record.msg if isinstance(record, logging.LogRecord) else line["event"]
    exchange = current_exchange()
    bound = exchange.fields if exchange is not None else {}
    context = {
        name: value
        for name, value in line.items()
        if name not in _OWN and name not in bound
    }
    _take(
        text_of(line["event"]),
        f"{line.get('logger') or ''}: {text_of(template)[:512]}",
        _exception_of(line.get("exc_info")),
        context,
        exchange,
    )


def watch_record(record: logging.LogRecord) -> None:
    """Take a record if it is an error."""
    if record.levelno < logging.ERROR or getattr(silence, "on", False):
        return
    if not _is_own(record.name, getattr(record, "component", None)):
        guard.call("inbox.log", _take_record, record)


def _take_record(record: logging.LogRecord) -> None:
    if _is_repeated(record):
        return
    extra = {
        name: value
        for name, value in vars(record).items()
        if name not in _STANDARD and name not in _NOISE
    }
    try:
        text = record.getMessage()
    except Exception:  # arguments that do not fit the format
        text = text_of(record.msg)
    _take(
        cut(text),
        f"{record.name}: {text_of(record.msg)[:512]}",
        _exception_of(record.exc_info),
        {"logger": record.name, **extra},
        current_exchange(),
    )


def _take(
    text: str,
    template: str,
    exception: BaseException | None,
    context: dict[str, Any],
    exchange: Exchange | None,
) -> None:
    collector = collector_of(exchange)
    if not isinstance(collector, Collector) or not collector.logs:
        return
    seen = Sighting(
        event="log",
        level="error",
        message=text,
        template=template,
        context=copied(context),
    )
    if exchange is not None:
        seen.request = request_of(exchange)
        seen.fields = copied(exchange.fields.copy())
    if exception is not None:
        if is_captured(exception, exchange):
            return
        if exchange is not None and any(exception is one for one in exchange.reported):
            return  # the exchange's own observer takes it
        seen.faults = faults_of(exception)
        if exchange is not None and _hold(exchange, exception, seen):
            return
        mark_captured(exception, exchange)
    collector.give(seen)


def _hold(exchange: Exchange, exception: BaseException, seen: Sighting) -> bool:
    for _, watch in exchange.observers.finish:
        if isinstance(watch, ExchangeWatch):
            return watch.hold(exchange, exception, seen)
    return False


def _exception_of(given: Any) -> BaseException | None:
    if isinstance(given, BaseException):
        return given
    if isinstance(given, tuple) and len(given) == 3:  # noqa: PLR2004
        return given[1] if isinstance(given[1], BaseException) else None
    return sys.exc_info()[1] if given else None


class _Records:
    """Whether records are watched that do not pass the logs' pipeline."""

    watched = False
    wrapped = False


def watch_records() -> None:
    """Watch all loggers where the layer of the logs is off.

    Not by a handler: with one on the root logger, `logging.basicConfig` does nothing,
    and warnings of an application that has configured no logging are shown nowhere.
    """
    _Records.watched = True
    if not _Records.wrapped:
        _Records.wrapped = True
        watching: Any = _watching(logging.Logger.callHandlers)
        logging.Logger.callHandlers = watching  # type: ignore[method-assign]


def _watching(
    original: Callable[[logging.Logger, logging.LogRecord], None],
) -> Callable[[logging.Logger, logging.LogRecord], None]:
    @functools.wraps(original)
    def call_handlers(logger: logging.Logger, record: logging.LogRecord) -> None:
        original(logger, record)
        if _Records.watched:
            watch_record(record)

    return call_handlers


def reset() -> None:
    """Watch no records; for tests."""
    _Records.watched = False

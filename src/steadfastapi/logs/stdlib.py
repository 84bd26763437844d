"""The stdlib's loggers, those of the servers and `warnings`, in our format."""

from __future__ import annotations

import logging
import sys
import warnings
from typing import TYPE_CHECKING, Any

from steadfastapi._scrub import safe_repr, safe_str
from steadfastapi.logs.reported import is_reported

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from steadfastapi.logs.pipeline import Pipeline

SERVER_LOGGERS = (
    "uvicorn",
    "uvicorn.error",
    "uvicorn.asgi",
    "gunicorn.error",
    "hypercorn.error",
    "_granian",
)
ACCESS_LOGGERS = (
    "uvicorn.access",
    "gunicorn.access",
    "hypercorn.access",
    "granian.access",
)
"""Replaced by our own line: two for one request help nobody (LOG-2)."""

CLIENT_LIBRARIES = (
    "hpack",
    "httpcore",
    "httpcore2",
    "httpx",
    "httpx2",
    "urllib3",
)
"""Log at WARNING unless the application has set their level: at INFO and DEBUG they
write a line or more for every outbound call, with its whole URL (httpx), its query
(urllib3) or its headers (httpcore, hpack). A span says the same without the secrets.
`stack.logs.set_level("INFO", logger="httpx")` brings the lines back."""

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
_NOISE = frozenset({"color_message", "taskName"})
_WEBSOCKET = ('%s - "WebSocket %s"', "connection open", "connection closed")
"""Uvicorn's access lines of a WebSocket go to its error logger, query and all."""


class StructuredHandler(logging.Handler):
    """Gives every record to the pipeline."""

    def __init__(self, pipeline: Pipeline) -> None:
        super().__init__()
        self._pipeline = pipeline

    def createLock(self) -> None:  # noqa: N802
        """Have none: the pipeline needs none, and a fork could find it taken."""
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        """Write one record unless a filter objects.

        Since Python 3.13 the inherited method enters the lock without asking whether
        there is one.
        """
        wanted: Any = self.filter(record)  # since Python 3.12 maybe another record
        if wanted:
            self.emit(wanted if isinstance(wanted, logging.LogRecord) else record)
        return bool(wanted)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        emit_record(self._pipeline, record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Say nothing: the pipeline has no errors of its own."""


class ServerFilter(logging.Filter):
    """Takes the records of a server's logger away from the server's handlers.

    Servers apply their logging configuration when they start, before or after
    `configure` runs, and replace handlers and `propagate` each time; filters they
    leave alone (LOG-1).

    Args:
        pipeline: Where records go.
        access: Whether the logger writes access lines, which are dropped.
    """

    def __init__(self, pipeline: Pipeline, *, access: bool) -> None:
        super().__init__()
        self._pipeline = pipeline
        self._access = access

    def filter(self, record: logging.LogRecord) -> bool:
        """Write the record in our format; only files and the like get it as well."""
        if not self._access and self._is_wanted(record):
            emit_record(self._pipeline, record)
        for handler in _handlers(logging.getLogger(record.name)):
            ours = isinstance(handler, StructuredHandler)
            if not ours and record.levelno >= handler.level and not _is_shown(handler):
                handler.handle(record)
        return False

    def _is_wanted(self, record: logging.LogRecord) -> bool:
        # The server sets the level of its loggers itself: ours must hold too.
        level = self._pipeline.levels.get(record.name, self._pipeline.level)
        if record.levelno < level:
            return False
        if record.levelno <= logging.INFO and str(record.msg).startswith(_WEBSOCKET):
            return False
        exception = record.exc_info[1] if record.exc_info else None
        return exception is None or not is_reported(exception)


class Takeover:
    """Routes stdlib logging to the pipeline, and gives back what it found."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []

    def begin(self, pipeline: Pipeline) -> None:
        """Take every logger over; files and other handlers stay."""
        self.end()
        root = logging.getLogger()
        self._undo.append(_setting_level(root, root.level))
        for logger in (root, *_existing()):
            self._replace_terminal(logger, pipeline)
        self._add(root, StructuredHandler(pipeline))
        for names, access in ((SERVER_LOGGERS, False), (ACCESS_LOGGERS, True)):
            for name in names:
                self._filter(logging.getLogger(name), pipeline, access=access)
        for name in CLIENT_LIBRARIES:
            library = logging.getLogger(name)
            if library.level == logging.NOTSET:
                library.setLevel(logging.WARNING)
                self._undo.append(_loud_again(library))
        showwarning = warnings.showwarning
        logging.captureWarnings(capture=True)
        if warnings.showwarning is not showwarning:
            self._undo.append(lambda: logging.captureWarnings(capture=False))

    def end(self) -> None:
        """Undo everything."""
        while self._undo:
            self._undo.pop()()

    def _replace_terminal(self, logger: logging.Logger, pipeline: Pipeline) -> None:
        """Take handlers off that write to the terminal what the root's handler does."""
        shown = [handler for handler in logger.handlers if _is_shown(handler)]
        for handler in shown:
            place = logger.handlers.index(handler)
            logger.removeHandler(handler)
            self._undo.append(_adding(logger, handler, place))
        # Without any handler uvicorn makes no access records in the first place.
        if shown and not logger.propagate and logger.name not in ACCESS_LOGGERS:
            self._add(logger, StructuredHandler(pipeline))

    def _add(self, logger: logging.Logger, handler: logging.Handler) -> None:
        logger.addHandler(handler)
        self._undo.append(lambda: logger.removeHandler(handler))

    def _filter(
        self, logger: logging.Logger, pipeline: Pipeline, *, access: bool
    ) -> None:
        wanted = ServerFilter(pipeline, access=access)
        logger.addFilter(wanted)
        self._undo.append(lambda: logger.removeFilter(wanted))


def _setting_level(logger: logging.Logger, level: int) -> Callable[[], None]:
    return lambda: logger.setLevel(level)


def _loud_again(library: logging.Logger) -> Callable[[], None]:
    def undo() -> None:
        if library.level == logging.WARNING:  # else the application has set it since
            library.setLevel(logging.NOTSET)

    return undo


def _adding(
    logger: logging.Logger, handler: logging.Handler, place: int
) -> Callable[[], None]:
    def undo() -> None:
        logger.addHandler(handler)
        logger.handlers.remove(handler)
        logger.handlers.insert(place, handler)  # handlers are called in their order

    return undo


def _existing() -> Iterator[logging.Logger]:
    for logger in list(logging.Logger.manager.loggerDict.values()):
        if isinstance(logger, logging.Logger):
            yield logger


def _handlers(logger: logging.Logger | None) -> Iterator[logging.Handler]:
    """Return the handlers that a record of this logger would get to."""
    while logger is not None:
        yield from logger.handlers
        logger = logger.parent if logger.propagate else None


def _is_shown(handler: logging.Handler) -> bool:
    """Return whether a handler writes to the terminal."""
    stream = getattr(handler, "stream", None)
    if stream is None:  # Rich's handler
        stream = getattr(getattr(handler, "console", None), "file", None)
    if stream is None:
        return False
    terminals = (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__)
    return any(stream is terminal for terminal in terminals) or (
        getattr(stream, "name", None) in ("<stdout>", "<stderr>")
    )


def emit_record(pipeline: Pipeline, record: logging.LogRecord) -> None:
    """Write a record; its `extra` become fields."""
    fields: dict[str, Any] = {"logger": record.name, "_record": record}
    event: Any
    if isinstance(record.msg, dict):  # a structlog that ends in `wrap_for_formatter`
        given = dict(record.msg)
        event = given.pop("event", "")
        fields.update(given)
    else:
        event = _message(record)
    for name, value in vars(record).items():
        if name not in _STANDARD and name not in _NOISE:
            fields.setdefault(name, value)
    if record.exc_info:
        fields["exc_info"] = record.exc_info
    if record.stack_info:
        fields["stack_info"] = record.stack_info
    pipeline.emit(record.levelname.lower(), event, fields, at=record.created)


def _message(record: logging.LogRecord) -> str:
    try:
        message = record.getMessage()
    except Exception:
        # Arguments that do not fit the format: stdlib prints to stderr instead.
        return f"{safe_str(record.msg)} {safe_repr(record.args, 1024)}"
    if record.name == "py.warnings":
        # `file:line: Category: text`, then the source on a line of its own.
        return message.rstrip().rpartition("\n  ")[0] or message.rstrip()
    return message.rstrip("\n")

"""The structlog logger that never raises, and its way into the pipeline."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

import structlog

from steadfastapi._guard import guard
from steadfastapi._scrub import safe_repr, safe_str
from steadfastapi.logs.pipeline import pipeline
from steadfastapi.logs.tracebacks import as_exc_info

if TYPE_CHECKING:
    from collections.abc import Callable

    from structlog.typing import EventDict

_METHODS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "msg": logging.INFO,
    "warning": logging.WARNING,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "err": logging.ERROR,
    "exception": logging.ERROR,
    "critical": logging.CRITICAL,
    "fatal": logging.CRITICAL,
}


def deliver(logger: Any, method: str, event: EventDict) -> NoReturn:
    """Give an event to the pipeline; structlog's only processor.

    A logger that was cached before `configure` keeps its class and whatever it wraps,
    but shares the list of processors. So everything happens in this one, and no event
    gets as far as the wrapped logger (LOG-7).

    Raises:
        DropEvent: Always: the line is written.
    """
    try:
        _deliver(logger, method, event)
    except Exception as error:
        guard.swallow("logs.processor", error)
    raise structlog.DropEvent


def _deliver(logger: Any, method: str, event: EventDict) -> None:
    number = _METHODS.get(method)
    if number is None:
        level, number = method, logging.getLevelNamesMapping().get(method.upper(), 100)
    else:
        level = logging.getLevelName(number).lower()
    if number < pipeline.level:
        return
    message = event.pop("event", None)
    arguments = event.pop("positional_args", ())
    if arguments:
        message = _formatted(message, arguments)
    name = getattr(logger, "name", None)
    if isinstance(name, str) and "logger" not in event:
        event = {"logger": name, **event}
    pipeline.emit(level, message, event)


def _formatted(message: Any, arguments: tuple[Any, ...]) -> str:
    try:
        if len(arguments) == 1 and isinstance(arguments[0], Mapping):
            return str(message % arguments[0])  # as stdlib: "%(name)s"
        return str(message % arguments)
    except Exception:
        return f"{safe_str(message)} {safe_repr(arguments, 1024)}"


class NamedLogger:
    """What structlog wraps: the name of the logger, nothing else."""

    def __init__(self, name: str | None = None, *_: Any) -> None:
        self.name = name


class TotalBoundLogger(structlog.BoundLoggerBase):
    """A bound logger whose methods return None whatever they are given.

    The level is read from the pipeline at each call, so it can change at run time.
    """

    def is_enabled_for(self, level: int) -> bool:
        """Return whether a line of this level would be written."""
        return level >= pipeline.level

    def get_effective_level(self) -> int:
        """Return the level below which nothing is written."""
        return pipeline.level

    def log(self, level: int, event: Any = None, /, *args: Any, **values: Any) -> None:
        """Write an event with a numeric level."""
        _log(self, logging.getLevelName(level).lower(), level, event, args, values)

    async def alog(
        self, level: int, event: Any = None, /, *args: Any, **values: Any
    ) -> None:
        """Write an event with a numeric level."""
        _log(self, logging.getLevelName(level).lower(), level, event, args, values)


def _log(  # noqa: PLR0913, PLR0917 - what every method has
    logger: TotalBoundLogger,
    method: str,
    level: int,
    event: Any,
    args: tuple[Any, ...],
    values: dict[str, Any],
) -> None:
    if level < pipeline.level:
        return
    if "event" in values:  # would clash with the message (NB-10, case 13)
        values["event_"] = values.pop("event")
    if method == "exception":
        values.setdefault("exc_info", True)
    if values.get("exc_info"):
        values["exc_info"] = as_exc_info(values["exc_info"])
    if args:
        values["positional_args"] = args
    try:
        # Not `_proxy_to_logger`: a field may be called like one of its parameters.
        logger._process_event(method, event, values)  # noqa: SLF001
    except structlog.DropEvent:
        pass
    except Exception as error:
        guard.swallow("logs.processor", error)


def _sync_method(name: str, level: int) -> Callable[..., None]:
    def method(
        self: TotalBoundLogger, event: Any = None, /, *args: Any, **values: Any
    ) -> None:
        _log(self, name, level, event, args, values)

    method.__name__ = name
    method.__doc__ = f"Write an event of level {logging.getLevelName(level)}."
    return method


def _async_method(name: str, level: int) -> Callable[..., Any]:
    # structlog's own hops to a thread, which costs more than the line.
    async def method(
        self: TotalBoundLogger, event: Any = None, /, *args: Any, **values: Any
    ) -> None:
        _log(self, name, level, event, args, values)

    method.__name__ = f"a{name}"
    method.__doc__ = f"Write an event of level {logging.getLevelName(level)}."
    return method


for _name, _level in _METHODS.items():
    setattr(TotalBoundLogger, _name, _sync_method(_name, _level))
    setattr(TotalBoundLogger, f"a{_name}", _async_method(_name, _level))

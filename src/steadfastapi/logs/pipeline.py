"""The one way that every log event of the process takes.

structlog loggers, stdlib loggers (uvicorn's and `warnings` among them) and the
access line give their fields to the same processors, are cleaned and become one
line. The pipeline is total: whatever a value, a processor, the renderer or the stream
does, the caller gets no exception and the event gets its line (NB-10).
"""

from __future__ import annotations

import logging
import sys
from functools import lru_cache
from time import gmtime, strftime, time
from typing import TYPE_CHECKING, Any, TextIO

import structlog

from steadfastapi._exchange import Exchange, current_exchange
from steadfastapi._guard import guard
from steadfastapi._scrub import safe_str, scrub_text
from steadfastapi.logs.clean import cleaned
from steadfastapi.logs.renderers import Render, render_json
from steadfastapi.logs.sink import write_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steadfastapi._plan import LogProcessor, LogTap
    from steadfastapi.logs.tracebacks import ExcInfo


class Pipeline:
    """Processors, renderer, level and stream of this process."""

    def __init__(self) -> None:
        self._levels_found: dict[str, int] = {}
        self.reset()

    def reset(self) -> None:
        """Be as at the start; stdlib loggers get back the levels that they had."""
        for name, level in self._levels_found.items():
            logging.getLogger(name).setLevel(level)
        self._levels_found = {}
        self.level = logging.INFO
        """Nothing below is written."""
        self.levels: dict[str, int] = {}
        """Levels of single stdlib loggers, as set at run time."""
        self.stream: TextIO | None = None
        """Where lines go; None is whatever `sys.stdout` is at that moment."""
        self.processors: list[LogProcessor] = []
        self.render: Render = render_json
        self.taps: list[LogTap] = []
        """Read each written line; one that raises is guarded."""

    def set_level(self, level: int, logger: str | None = None) -> None:
        """Write nothing below `level`, from structlog and stdlib alike.

        Args:
            level: The least level that is written.
            logger: A stdlib logger; by default everything without a level of its own.
        """
        known = logging.getLogger(logger)
        if logger is None:
            self.level = level
        else:
            self._levels_found.setdefault(logger, known.level)
            self.levels[logger] = level
        known.setLevel(level)

    def emit(
        self,
        level: str,
        event: Any,
        fields: Mapping[str, Any],
        *,
        at: float | None = None,
    ) -> None:
        """Write one event, with what is known of the exchange being served.

        Args:
            level: Name of the level, in lower case.
            event: What happened.
            fields: More about it. A name that the line itself needs gets an
                underscore: `level` becomes `level_`.
            at: Unix time, by default now.
        """
        try:
            own: dict[str, Any] = {"timestamp": timestamp(at), "level": level}
            line = {**own, "event": event}
            add_fields(line, fields)
            exchange = current_exchange()
            if exchange is not None:
                _add_exchange(line, own, exchange)
            self._finish(line, own)
        except Exception as error:
            guard.swallow("logs.processor", error)

    def emit_own(self, own: dict[str, Any], bound: Mapping[str, Any]) -> None:
        """Write a line of steadfastapi itself.

        Args:
            own: Its fields, in order and clean already.
            bound: Fields that user code bound to the exchange.
        """
        try:
            line = own.copy()
            add_fields(line, bound)
            self._finish(line, own)
        except Exception as error:
            guard.swallow("logs.processor", error)

    def _finish(self, line: dict[str, Any], own: Mapping[str, Any]) -> None:
        structlog.contextvars.merge_contextvars(None, "", line)
        refused: list[Exception] = []
        for process in self.processors:
            try:
                line = _checked(process(line))
            except structlog.DropEvent:
                return
            except Exception as error:
                refused.append(error)
        try:
            clean, exc_info = cleaned(line, own)
        except Exception as error:
            refused.append(error)
            clean, exc_info = _minimal(line), None
        if refused:
            clean["log_error"] = _described(refused[0])
        text, unrendered = self._rendered(clean, exc_info)
        unwritten = self._written(text, clean)
        for tap in self.taps:
            guard.call("logs.tap", tap, clean, exc_info, len(text))
        for failure in refused:
            guard.swallow("logs.processor", failure)
        if unrendered is not None:
            guard.swallow("logs.renderer", unrendered)
        if unwritten is not None:
            guard.swallow("logs.stream", unwritten)

    def _rendered(
        self, line: dict[str, Any], exc_info: ExcInfo | None
    ) -> tuple[str, Exception | None]:
        try:
            return self.render(line, exc_info), None
        except Exception as error:
            least = {**_minimal(line), "log_error": _described(error)}
            return render_json(least), error

    def _written(self, text: str, line: dict[str, Any]) -> Exception | None:
        """Write a line; when the stream fails, to stderr, with the reason."""
        try:
            write_line(self.stream or sys.stdout, text)
        except Exception as error:
            try:
                reason = {"log_error": _described(error)}
                write_line(sys.stderr, render_json({**line, **reason}))
            except Exception:  # noqa: S110 - both streams are gone
                pass
            return error
        return None


def timestamp(at: float | None = None) -> str:
    """Return a Unix time, by default now, as RFC 3339 in UTC with milliseconds."""
    second, rest = divmod(int((time() if at is None else at) * 1000), 1000)
    return f"{_to_the_second(second)}{rest:03d}Z"


@lru_cache(maxsize=8)
def _to_the_second(second: int) -> str:
    return strftime("%Y-%m-%dT%H:%M:%S.", gmtime(second))


def add_fields(line: dict[str, Any], fields: Mapping[str, Any]) -> None:
    """Add `fields` to a line; a name that is taken gets an underscore."""
    for name, value in fields.items():
        line[name if name not in line else f"{name}_"] = value


def _add_exchange(
    line: dict[str, Any], own: dict[str, Any], exchange: Exchange
) -> None:
    """Add request id, trace and bound fields; what the event says itself stays."""
    own["request_id"] = exchange.id
    if exchange.trace_id is not None:
        own["trace_id"] = exchange.trace_id
        own["span_id"] = exchange.span_id
    for name, value in own.items():
        line.setdefault(name, value)
    # A copy: another thread of the exchange may be binding.
    for name, value in exchange.fields.copy().items():
        line.setdefault(name, value)


def _checked(result: Any) -> dict[str, Any]:
    if isinstance(result, dict):
        return result
    raise TypeError(f"a log processor returned {type(result).__name__}, not the event")


def _minimal(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return the least that can be said of an event."""
    return {
        name: scrub_text(safe_str(line.get(name)))
        for name in ("timestamp", "level", "event")
    }


def _described(error: Exception) -> str:
    return scrub_text(f"{type(error).__name__}: {safe_str(error, 1024)}", 1024)


pipeline = Pipeline()
"""The pipeline of this process."""

"""Lines for people: aligned columns, colours, the traceback as a block below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steadfastapi._scrub import safe_repr, truncate
from steadfastapi.logs.frames import traceback_lines
from steadfastapi.logs.renderers import plain

if TYPE_CHECKING:
    from steadfastapi.logs.tracebacks import ExcInfo

_CODES = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
    "error": "1;31",
}
_LEVELS = {
    "debug": "blue",
    "info": "green",
    "warning": "yellow",
    "error": "error",
    "critical": "error",
}
_OUTCOMES = {"limited": "yellow", "aborted": "magenta"}
_STATUSES = {1: "cyan", 2: "green", 3: "cyan", 4: "yellow"}

METHOD_WIDTH = 7
PATH_WIDTH = 36
EVENT_WIDTH = METHOD_WIDTH + 1 + PATH_WIDTH
MAX_VALUE = 1024

_HIDDEN = frozenset({"client", "request_id", "trace_id", "span_id", "route"})
"""A developer finds these in the response's headers and in the JSON."""
_PLACED = frozenset({"timestamp", "level", "event", "logger", "stack"})
_REQUEST = frozenset({"method", "path", "status", "duration_ms", "outcome"})
_CRASH = frozenset({"method", "path", "error_type"})
"""Of the line about an exception; the block below says its type."""


class ConsoleRenderer:
    """Renders lines for a terminal.

    Args:
        colours: Whether the terminal understands them.
        drawing: Whether it shows more than ASCII.
    """

    def __init__(self, *, colours: bool, drawing: bool = True) -> None:
        self._colours = colours
        self._bar = f"    {self._paint('│' if drawing else '|', 'red')} "

    def __call__(self, line: dict[str, Any], error: ExcInfo | None = None) -> str:
        """Return the line, and below it the exception, each line indented."""
        level = str(line.get("level", "info"))
        parts = [
            self._paint(plain(str(line.get("timestamp", "")))[11:23], "dim"),
            self._paint(f"{plain(level.upper()):<8}", _LEVELS.get(level, "")),
        ]
        event = line.get("event")
        shown = _PLACED | _HIDDEN
        if event in ("request", "websocket") and "outcome" in line:
            parts += self._request(line)
            shown |= _REQUEST
        elif "error_type" in line and "method" in line and "path" in line:
            parts += self._address(line)
            parts.append(self._paint(_text(event), "error"))
            shown |= _CRASH
        else:
            style = "error" if level in ("error", "critical") else "bold"
            parts.append(self._paint(f"{_text(event):<{EVENT_WIDTH}}", style))
        for name, value in line.items():
            if name not in shown:
                parts.append(f"{self._paint(f'{plain(name)}=', 'cyan')}{_value(value)}")
        if line.get("logger"):
            parts.append(self._paint(_text(line["logger"]), "dim"))
        return "\n".join([" ".join(parts).rstrip(), *self._blocks(line, error)])

    def _address(self, line: dict[str, Any]) -> list[str]:
        method = _text(line.get("method")).replace("WEBSOCKET", "WS")
        return [
            self._paint(f"{method:<{METHOD_WIDTH}}", "bold"),
            f"{_text(line.get('path')):<{PATH_WIDTH}}",
        ]

    def _request(self, line: dict[str, Any]) -> list[str]:
        outcome, status = str(line.get("outcome")), line.get("status")
        number = status if isinstance(status, int) else 500
        style = _OUTCOMES.get(outcome) or _STATUSES.get(number // 100, "error")
        slow = outcome == "ok" and line.get("level") == "warning"
        parts = [
            *self._address(line),
            self._paint(f"{_text(status):>3}", style),
            self._paint(
                _duration(line.get("duration_ms")), "yellow" if slow else "dim"
            ),
        ]
        if outcome in _OUTCOMES:
            parts.append(self._paint(outcome, style))
        return parts

    def _blocks(self, line: dict[str, Any], error: ExcInfo | None) -> list[str]:
        lines = []
        if line.get("stack"):
            lines += [("dim", text) for text in str(line["stack"]).split("\n")]
        if error is not None:
            lines += traceback_lines(error)
        return [
            f"{self._bar}{self._paint(plain(text), style)}" for style, text in lines
        ]

    def _paint(self, text: str, style: str) -> str:
        if not self._colours or not style:
            return text
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m"


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else safe_repr(value)
    return plain(truncate(text, MAX_VALUE))


def _value(value: Any) -> str:
    text = _text(value)
    quoted = isinstance(value, str) and (not text or " " in text or '"' in text)
    return f'"{text}"' if quoted else text


def _duration(milliseconds: Any) -> str:
    if not isinstance(milliseconds, (int, float)):
        return " " * 9
    if milliseconds < 1000:  # noqa: PLR2004
        return f"{milliseconds:6.1f} ms"
    return f"{milliseconds / 1000:7.2f} s"

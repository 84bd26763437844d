"""From a log line to a log record of OpenTelemetry."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from steadfastapi._scrub import safe_repr
from steadfastapi._service import package_version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.resources import Resource

SEVERITIES = {
    "debug": SeverityNumber.DEBUG,
    "info": SeverityNumber.INFO,
    "warning": SeverityNumber.WARN,
    "error": SeverityNumber.ERROR,
    "critical": SeverityNumber.FATAL,
}
"""The appendix "Example mappings" of the OpenTelemetry logs data model."""

_RENAMED = {"exception": "exception.stacktrace"}
_ELSEWHERE = frozenset({"timestamp", "level", "event", "trace_id", "span_id"})
"""Fields of a line that have a place of their own in a record."""
_MAX_INT = 2**63


class Waiting(NamedTuple):
    """A line on its way out.

    Args:
        line: Its fields, scrubbed.
        at: Unix time in nanoseconds at which it was written.
        error: Attributes of its exception.
        size: About how many characters it is.
    """

    line: dict[str, Any]
    at: int
    error: Mapping[str, str] | None
    size: int


def records(
    waiting: Sequence[Waiting], resource: Resource
) -> Sequence[ReadableLogRecord]:
    """Return what the SDK's exporter wants."""
    return [
        ReadableLogRecord(
            log_record=_record(one), resource=resource, instrumentation_scope=_SCOPE
        )
        for one in waiting
    ]


_SCOPE = InstrumentationScope(
    name="steadfastapi", version=package_version("steadfastapi")
)


def _record(waiting: Waiting) -> LogRecord:
    line = waiting.line
    level = line.get("level")
    attributes = {
        _encodable(_RENAMED.get(name, name)): _plain(value)
        for name, value in line.items()
        if name not in _ELSEWHERE and value is not None
    }
    record = LogRecord(
        timestamp=_nanoseconds(line.get("timestamp")) or waiting.at,
        observed_timestamp=waiting.at,
        severity_text=_encodable(level) if isinstance(level, str) else None,
        severity_number=SEVERITIES.get(str(level), SeverityNumber.UNSPECIFIED),
        body=_plain(line.get("event")),
        attributes={**attributes, **(waiting.error or {})},
    )
    trace_id, span_id = _hex(line.get("trace_id"), 32), _hex(line.get("span_id"), 16)
    if trace_id:
        record.trace_id = trace_id
        record.span_id = span_id
    return record


def _nanoseconds(timestamp: Any) -> int | None:
    """Return the time of a line; a processor may have put anything there."""
    try:
        moment = datetime.fromisoformat(timestamp)
        return round(moment.timestamp() * 1000) * 1_000_000
    except (TypeError, ValueError, OverflowError):
        return None


def _hex(text: Any, digits: int) -> int:
    """Return an identifier, 0 where there is none."""
    if not isinstance(text, str) or len(text) != digits:
        return 0
    try:
        return int(text, 16)
    except ValueError:
        return 0


def _plain(value: Any) -> Any:
    """Return a value that protobuf can encode; one that cannot, costs the batch."""
    if isinstance(value, str):
        return _encodable(value)
    if isinstance(value, Mapping):
        return {_plain(str(name)): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, int):
        return value if -_MAX_INT <= value < _MAX_INT else str(value)
    return value if isinstance(value, float | None) else _encodable(safe_repr(value))


def _encodable(text: str) -> str:
    """Return a text without lone surrogates, which UTF-8 cannot say."""
    if text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode("utf-8")

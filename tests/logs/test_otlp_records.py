"""From the fields of a line to a log record."""

from typing import Any

import pytest
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.sdk.resources import Resource

from steadfastapi.logs.otlp_records import Waiting, records

AT = 1_700_000_000_123_456_789


def record(**line: Any) -> Any:
    """Return the record of a line."""
    (made,) = records([Waiting(line, AT, None, 1)], Resource.get_empty())
    encode_logs([made])  # protobuf takes it
    return made.log_record


@pytest.mark.parametrize(
    ("level", "number"),
    [
        ("debug", SeverityNumber.DEBUG),
        ("info", SeverityNumber.INFO),
        ("warning", SeverityNumber.WARN),
        ("error", SeverityNumber.ERROR),
        ("critical", SeverityNumber.FATAL),
        ("trace", SeverityNumber.UNSPECIFIED),
    ],
)
def test_levels_are_severities(level: str, number: SeverityNumber) -> None:
    """As the appendix of the data model maps them; the text stays ours."""
    made = record(level=level)
    assert (number, level) == (made.severity_number, made.severity_text)


@pytest.mark.parametrize(
    ("timestamp", "nanoseconds"),
    [
        ("2026-11-20T10:00:00.250Z", 1_795_168_800_250_000_000),
        ("yesterday", AT),
        (None, AT),
        (7, AT),
    ],
)
def test_the_time_is_that_of_the_line(timestamp: Any, nanoseconds: int) -> None:
    """Where a processor has replaced it by nonsense, that of its writing."""
    made = record(timestamp=timestamp)
    assert (nanoseconds, AT) == (made.timestamp, made.observed_timestamp)


@pytest.mark.parametrize("trace_id", ["short", "z" * 32, 7, None])
def test_a_trace_id_that_is_none_is_left_out(trace_id: Any) -> None:
    """The record has no trace, and is sent all the same."""
    made = record(trace_id=trace_id, span_id="b" * 16, event="hello")
    assert (0, 0, "hello") == (made.trace_id, made.span_id, made.body)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("x\ud800", "x\\ud800"),
        ("ä", "ä"),
        (2**63, str(2**63)),
        (-(2**63), -(2**63)),
        (True, True),
        (1.5, 1.5),
        ({"a": [1, None, {"b\udfff": 2}]}, {"a": [1, None, {"b\\udfff": 2}]}),
        ((1, "2"), [1, "2"]),
        (frozenset(), "frozenset()"),
    ],
)
def test_every_value_can_be_encoded(value: Any, expected: Any) -> None:
    """One that protobuf refuses would cost the whole batch."""
    assert {"value": expected} == record(value=value).attributes


def test_a_body_can_be_anything() -> None:
    """An event is a text as a rule, and what a caller gave otherwise."""
    assert ["x\\ud800", None, {"a": 1}] == [
        record(event=event).body for event in ("x\ud800", None, {"a": 1})
    ]

"""`before_send` survives whatever it is given, and sends something."""

from __future__ import annotations

import json
from typing import Any

from fastapi import HTTPException
from hypothesis import given, settings
from hypothesis import strategies as st

from steadfastapi import before_send
from steadfastapi.testing import internal_errors


def _hint(exception: BaseException) -> dict[str, Any]:
    return {"exc_info": (type(exception), exception, None)}


def _sent(event: Any, hint: Any = None) -> dict[str, Any]:
    result = before_send(event, {} if hint is None else hint)
    assert result is not None
    return result


def test_a_minimal_event_still_has_the_detail() -> None:
    """An event that nothing can shorten leaves as its exception and its detail."""
    giant = {"tags": {str(n): "x" * 160 for n in range(500)}, "level": "warning"}
    giant["contexts"] = giant["extra"] = {str(n): "x" * 2000 for n in range(500)}
    giant["fingerprint"] = giant["release"] = "x" * 100_000
    error = HTTPException(409, {"code": "taken", "password": "hunter2"})
    giant["unknown"] = {
        str(n): {str(m): "x" * 200 for m in range(99)} for n in range(9)
    }
    with internal_errors() as errors:
        event = _sent(giant, _hint(error))
    assert {"sentry.hook": 1} == dict(errors)
    assert "warning" == event["level"]
    assert {"code": "taken", "password": "[redacted]"} == event["extra"][
        "http_exception_detail"
    ]
    assert [{"type": "HTTPException", "value": str(error)}] != event["exception"]
    assert "hunter2" not in json.dumps(event)


class _ShyError(Exception):
    """Shows no attributes."""

    @property
    def __dict__(self) -> Any:  # type: ignore[override]
        raise RuntimeError("no")


def test_an_exception_that_takes_no_mark_is_sent() -> None:
    """What cannot be marked is sent each time rather than never."""
    tags = {"request_id": "request-1"}
    error = _ShyError()
    for _ in range(2):
        event = _sent({"tags": dict(tags)}, _hint(error))
        assert "request-1" == event["tags"]["request_id"]


def test_a_minimal_event_names_its_exchange_and_bounds_its_detail() -> None:
    """A giant detail becomes text, an event without exception keeps its message."""
    error = HTTPException(409, {"a": ["x" * 1000] * 20, "password": "hunter2"})
    with internal_errors():
        event = _sent({(1,): "junk", "tags": {"request_id": "r-1"}}, _hint(error))
        told = _sent({(1,): "junk", "message": "token=hunter2"})
        plain = _sent({(1,): "junk"}, _hint(KeyError("till")))
    assert [{"type": "KeyError", "value": "'till'"}] == plain["exception"]["values"]
    assert "r-1" == event["tags"]["request_id"]
    assert isinstance(event["extra"]["http_exception_detail"], str)
    assert "token=[redacted]" == told["message"]
    assert "hunter2" not in json.dumps([event, told])


class _BrokenError(HTTPException):
    """Calls no `super().__init__`, and cannot be shown."""

    def __init__(self) -> None:
        pass

    def __str__(self) -> str:
        raise RuntimeError("no")


def test_a_hostile_exception_is_described() -> None:
    """An HTTPException without detail and status, whose text raises, is sent."""
    event = _sent({}, _hint(_BrokenError()))
    assert {"http_exception_detail": None, "status_code": 500} == event["extra"]
    with internal_errors():
        minimal = _sent("junk", _hint(_BrokenError()))
    assert [
        {"type": "_BrokenError", "value": "<_BrokenError, str raised RuntimeError>"}
    ] == minimal["exception"]["values"]


_NAMES = st.sampled_from(
    """exception threads breadcrumbs request extra contexts tags user message logentry
    modules level timestamp values frames stacktrace value type module mechanism data
    headers url query_string trace exception_id parent_id pre_context context_line
    abs_path lineno vars formatted""".split()  # noqa: SIM905 - a list of 30 lines
)
_JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(_NAMES, inner, max_size=6)
    ),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(event=st.dictionaries(_NAMES, _JUNK, max_size=12) | _JUNK, hint=_JUNK)
def test_it_is_total(event: Any, hint: Any) -> None:
    """Whatever event and hint are, the result is small JSON that the SDK can send."""
    with internal_errors():
        result = _sent(event, hint)
    encoded = json.dumps(result, allow_nan=False, separators=(",", ":"))
    assert len(encoded) <= 64 * 1024
    assert {"event_id", "timestamp"} <= result.keys()
    contexts = result.get("contexts", {})
    assert isinstance(contexts, dict)
    assert isinstance(contexts.get("trace") or {}, dict)

"""The one way of every event: fields, processors, renderer, stream."""

import logging
import threading
from collections.abc import Callable
from typing import Any, NoReturn

import pytest
import structlog
from structlog.contextvars import bound_contextvars

from steadfastapi._exchange import Exchange, current
from steadfastapi.logs.pipeline import pipeline, timestamp
from steadfastapi.logs.renderers import render_json
from steadfastapi.testing import internal_errors
from support.hostile import BadMapping
from support.lines import logged, parse


@pytest.fixture
def exchange() -> Exchange:
    """Return an exchange that is being served."""
    return Exchange(
        id="request-7",
        kind="http",
        method="GET",
        path="/",
        client=None,
        scope={},
        trace_id="a" * 32,
        span_id="b" * 16,
        fields={"user_id": 7, "a": "bound", "password": "hunter2"},
    )


def test_first_when_how_grave_and_what() -> None:
    """Then everything else, in the order in which it was given."""
    with logged() as lines:
        pipeline.emit("info", "x", {"z": 1, "a": 2})

    assert ["timestamp", "level", "event", "z", "a"] == list(lines.last)


def test_names_that_the_line_needs_get_an_underscore() -> None:
    """A level of a game is no level of a log."""
    with logged() as lines:
        pipeline.emit("info", "x", {"level": 3, "timestamp": 0, "event": "y"})

    line = lines.last
    assert ("info", "x") == (line["level"], line["event"])
    assert (3, 0, "y") == (line["level_"], line["timestamp_"], line["event_"])


def test_lines_of_a_request_carry_its_ids_and_what_was_bound(
    exchange: Exchange,
) -> None:
    """What the event says itself comes first; secrets are masked as everywhere."""
    token = current.set(exchange)
    try:
        with logged() as lines:
            pipeline.emit("info", "x", {"a": "own"})
    finally:
        current.reset(token)

    assert {
        "a": "own",
        "request_id": "request-7",
        "trace_id": "a" * 32,
        "span_id": "b" * 16,
        "user_id": 7,
        "password": "[redacted]",
    } == dict(list(lines.last.items())[3:])


def test_context_variables_of_structlog_are_merged() -> None:
    """Whoever used them before goes on doing so; the event's own fields win."""
    with bound_contextvars(tenant="acme", a="context"), logged() as lines:
        pipeline.emit("info", "x", {"a": "own"})

    assert ("acme", "own") == (lines.last["tenant"], lines.last["a"])


def test_processors_see_every_event_before_it_is_cleaned() -> None:
    """One after the other, with the exception as an object."""
    seen: list[Any] = []

    def first(event: dict[str, Any]) -> dict[str, Any]:
        seen.append((event["password"], type(event.get("exc_info"))))
        return event | {"added": "token=hunter2"}

    def second(event: dict[str, Any]) -> dict[str, Any]:
        event["order"] = 2 if "added" in event else 1
        return event

    with logged(processors=[first, second]) as lines:
        pipeline.emit("info", "x", {"password": "a", "exc_info": ValueError()})

    assert [("a", ValueError)] == seen
    assert ("[redacted]", "token=[redacted]", 2) == tuple(
        lines.last[name] for name in ("password", "added", "order")
    )


def test_a_processor_may_drop_an_event() -> None:
    """By structlog's exception, which is no error."""

    def drop(event: dict[str, Any]) -> dict[str, Any]:
        if event["event"] == "noise":
            raise structlog.DropEvent
        return event

    with logged(processors=[drop]) as lines:
        pipeline.emit("info", "noise", {})
        pipeline.emit("info", "news", {})

    assert ["news"] == [line["event"] for line in lines.parsed]


@pytest.mark.parametrize("result", [None, "rendered", b"rendered", [1]])
def test_a_processor_that_returns_no_event_is_told(result: Any) -> None:
    """A renderer in the list, or a forgotten return: the event goes on without."""
    with internal_errors() as counted, logged(processors=[lambda _: result]) as lines:
        pipeline.emit("info", "x", {"a": 1})

    kind = type(result).__name__
    assert {"logs.processor": 1} == counted
    assert (
        f"TypeError: a log processor returned {kind}, not the event"
        == (lines.last["log_error"])
    )
    assert 1 == lines.last["a"]


def test_processors_after_one_that_raised_are_called() -> None:
    """Each failure is counted; the line tells the first."""

    def refuse(text: str) -> Callable[[Any], NoReturn]:
        def process(_: Any) -> NoReturn:
            raise LookupError(text)

        return process

    def add(event: dict[str, Any]) -> dict[str, Any]:
        return event | {"added": 1}

    chain = [refuse("one"), add, refuse("two")]
    with internal_errors() as counted, logged(processors=chain) as lines:
        pipeline.emit("info", "x", {})

    assert {"logs.processor": 2} == counted
    assert ("LookupError: one", 1) == (lines.last["log_error"], lines.last["added"])


def test_a_renderer_that_raises_is_replaced_for_the_line() -> None:
    """By the least that can be said, as JSON."""

    def refuse(*_: Any) -> str:
        raise LookupError("password=hunter2")

    with internal_errors() as counted, logged(refuse) as lines:
        pipeline.emit("info", "x token=hunter2", {"a": 1})

    assert {"logs.renderer": 1} == counted
    assert ["timestamp", "level", "event", "log_error"] == list(lines.last)
    assert "x token=[redacted]" == lines.last["event"]
    assert "LookupError: password=[redacted]" == lines.last["log_error"]


def test_fields_that_cannot_be_read_cost_the_line_only() -> None:
    """No caller has such fields; should it happen, nobody but the counter notices."""
    with internal_errors() as counted, logged() as lines:
        pipeline.emit("info", "x", BadMapping())
        pipeline.emit_own({"event": "x"}, BadMapping())

    assert {"logs.processor": 2} == counted
    assert [] == lines.raw


def test_close_to_the_end_of_the_stack_nothing_raises() -> None:
    """Whoever logs at the bottom of a recursion gets its own error, not ours."""
    reached: list[int] = []

    def deeper(depth: int) -> None:
        structlog.get_logger().info("x", a={"b": [1]})
        reached.append(depth)
        deeper(depth + 1)

    with internal_errors(), logged(), pytest.raises(RecursionError):
        deeper(0)

    assert len(reached) > 100


def test_an_error_in_cleaning_leaves_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug of ours, which the line admits."""

    def fail(*_: Any) -> NoReturn:
        raise LookupError("a")

    monkeypatch.setattr("steadfastapi.logs.pipeline.cleaned", fail)
    with internal_errors() as counted, logged() as lines:
        pipeline.emit("info", "x", {"a": 1})

    assert {"logs.processor": 1} == counted
    assert ("x", "LookupError: a") == (lines.last["event"], lines.last["log_error"])


def test_lines_of_many_threads_do_not_mix() -> None:
    """Each is written at once, however long."""
    text = "x" * 5_000

    def write(number: int) -> None:
        for _ in range(50):
            pipeline.emit("info", f"{number} {text}", {})

    with logged() as lines:
        threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    events = [parse(line)["event"] for line in lines.raw]
    assert 8 * 50 == len(events)
    assert {f"{number} {text}" for number in range(8)} == set(events)


def test_binding_from_a_thread_while_logging_does_not_disturb(
    exchange: Exchange,
) -> None:
    """The fields of the exchange are copied before they are walked through."""
    stop = threading.Event()

    def bind_all() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            exchange.fields[f"f{number % 50}"] = number
            exchange.fields.pop(f"f{(number - 10) % 50}", None)

    token = current.set(exchange)
    thread = threading.Thread(target=bind_all)
    thread.start()
    try:
        with logged() as lines:
            for _ in range(500):
                pipeline.emit("info", "x", {})
    finally:
        stop.set()
        thread.join()
        current.reset(token)

    assert 500 == len(lines.raw)


@pytest.mark.parametrize(
    ("expected", "moment"),
    [
        ("1970-01-01T00:00:00.000Z", 0.0),
        ("2026-01-02T03:04:05.678Z", 1767323045.678),
        ("2026-01-02T03:04:05.999Z", 1767323045.9999),
    ],
)
def test_times_are_rfc_3339_in_utc(expected: str, moment: float) -> None:
    """With milliseconds, which are cut and not rounded into the next second."""
    assert expected == timestamp(moment)


def test_a_reset_pipeline_is_as_at_the_start() -> None:
    """Levels of single loggers included."""
    shop = logging.getLogger("shop.reset")
    shop.setLevel(logging.ERROR)
    pipeline.set_level(logging.DEBUG, "shop.reset")
    pipeline.set_level(logging.INFO, "shop.reset")
    pipeline.processors, pipeline.level = [lambda event: event], logging.ERROR
    pipeline.reset()

    assert logging.ERROR == shop.level
    assert ({}, [], logging.INFO) == (
        pipeline.levels,
        pipeline.processors,
        pipeline.level,
    )
    assert (None, render_json) == (pipeline.stream, pipeline.render)

"""The loggers of structlog: total, with levels that change at run time."""

import asyncio
import logging
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from steadfastapi.logs.logger import TotalBoundLogger, deliver
from steadfastapi.logs.pipeline import pipeline
from steadfastapi.testing import internal_errors
from support.hostile import BadRepr
from support.lines import logged

METHODS = {
    "debug": "debug",
    "info": "info",
    "msg": "info",
    "warning": "warning",
    "warn": "warning",
    "error": "error",
    "err": "error",
    "exception": "error",
    "critical": "critical",
    "fatal": "critical",
}


@pytest.mark.parametrize(("method", "level"), METHODS.items())
def test_every_method_has_its_level(method: str, level: str) -> None:
    """In both forms; the async one writes before it returns."""
    with logged(level=logging.DEBUG) as lines:
        log = structlog.get_logger()
        getattr(log, method)("a", b=1)
        asyncio.run(getattr(log, f"a{method}")("a", b=1))

    assert [(level, "a", 1)] * 2 == [
        (line["level"], line["event"], line["b"])
        for line in lines.parsed
        if "b" in line
    ]


def test_a_numeric_level_is_one_too() -> None:
    """Standard ones by name, others by number."""
    with logged() as lines:
        log = structlog.get_logger()
        log.log(logging.WARNING, "a")
        log.log(25, "b")
        log.log(5, "not written")
        asyncio.run(log.alog(logging.ERROR, "c"))

    assert ["warning", "level 25", "error"] == [line["level"] for line in lines.parsed]


def test_named_and_bound_loggers_say_so() -> None:
    """A logger without a name has no such field; an explicit one wins."""
    with logged() as lines:
        structlog.get_logger("shop").bind(a=1).info("x")
        structlog.get_logger().bind(a=1).new(b=2).info("x")
        structlog.get_logger("shop").info("x", logger="till")
    named, unnamed, explicit = lines.parsed

    assert ["timestamp", "level", "event", "logger", "a"] == list(named)
    assert "shop" == named["logger"]
    assert ["timestamp", "level", "event", "b"] == list(unnamed)
    assert "till" == explicit["logger"]


@pytest.mark.parametrize(
    ("expected", "message", "arguments"),
    [
        ("7 apples", "%d apples", (7,)),
        ("7 of apples", "%(n)d of %(what)s", ({"n": 7, "what": "apples"},)),
        ("%d apples ('seven',)", "%d apples", ("seven",)),
        ("no place ('seven',)", "no place", ("seven",)),
        ("7 (1,)", 7, (1,)),
    ],
)
def test_arguments_are_formatted(
    expected: str, message: Any, arguments: tuple[Any, ...]
) -> None:
    """As stdlib does; what does not fit stands beside the message."""
    with logged() as lines:
        structlog.get_logger().info(message, *arguments)

    assert expected == lines.last["event"]


def test_any_object_is_an_event() -> None:
    """Nothing, a number, and what cannot be printed."""
    with logged() as lines:
        log = structlog.get_logger()
        log.info()
        log.info(7)
        log.info(BadRepr())
        log.info({"a": 1})

    assert [None, 7, "<BadRepr, repr raised RuntimeError>", {"a": 1}] == [
        line["event"] for line in lines.parsed
    ]


def test_exceptions_come_in_every_form() -> None:
    """By `exception`, as True, object or triple; outside of a handler as nothing."""
    with logged() as lines:
        log = structlog.get_logger()
        try:
            raise ValueError("x")
        except ValueError as error:
            log.exception("a")
            log.error("a", exc_info=True)  # noqa: G201
            log.error("a", exc_info=error)
            log.error("a", exc_info=(ValueError, error, error.__traceback__))
            asyncio.run(log.aexception("a"))
        log.exception("b")  # noqa: LOG004
        log.exception("b", exc_info=False)  # noqa: LOG004, LOG007
        log.info("b", exc_info="junk")  # noqa: LOG014

    with_it = [line["event"] for line in lines.parsed if "exception" in line]
    assert ["a"] * 5 == with_it
    assert 3 == sum(line["event"] == "b" for line in lines.parsed)


@pytest.mark.parametrize(
    "field", ["event", "method_name", "logger", "self", "name", "level", "_record"]
)
def test_every_name_is_free_to_use(field: str) -> None:
    """Methods of structlog's own classes take some as their parameters, and raise."""
    with internal_errors() as counted, logged() as lines:
        structlog.get_logger().info("a", **{field: "b"})

    assert {} == counted
    assert "a" == lines.last["event"]


def test_levels_are_asked_of_the_pipeline() -> None:
    """A guard around an expensive line follows a change at run time."""
    with logged(level=logging.WARNING):
        log = structlog.get_logger()
        before = (log.is_enabled_for(logging.INFO), log.get_effective_level())
        pipeline.set_level(logging.INFO)
        after = (log.is_enabled_for(logging.INFO), log.get_effective_level())

    assert ((False, 30), (True, 20)) == (before, after)


def test_structlogs_capture_of_logs_works() -> None:
    """Tests of applications use it; afterwards lines are written again."""
    with logged() as lines:
        log = structlog.get_logger()
        with capture_logs() as captured:
            log.info("captured", a=1)
        log.info("written")

    assert [{"event": "captured", "a": 1, "log_level": "info"}] == captured
    assert ["written"] == [line["event"] for line in lines.parsed]


def test_a_processor_of_the_application_that_raises_is_contained() -> None:
    """Also one that was put into structlog's own configuration afterwards."""

    def refuse(*_: Any) -> Any:
        raise RuntimeError("no")

    with internal_errors() as counted, logged():
        structlog.configure(processors=[refuse])
        structlog.get_logger().info("a")

    assert {"logs.processor": 1} == counted


def test_under_pytest_it_fails_the_test() -> None:
    """Where nobody asked for the behaviour of production (NB-3)."""

    def refuse(*_: Any) -> Any:
        raise RuntimeError("no")

    with (
        pytest.raises(RuntimeError, match="no"),
        logged(processors=[refuse]) as lines,
    ):
        structlog.get_logger().info("a")

    assert "RuntimeError: no" == lines.last["log_error"]


def test_a_wrapped_logger_that_raises_is_contained() -> None:
    """Cached loggers wrap whatever the application gave them."""

    class Nameless:
        @property
        def name(self) -> str:
            raise RuntimeError("no name")

    with internal_errors() as counted, logged(), pytest.raises(structlog.DropEvent):
        deliver(Nameless(), "info", {"event": "a"})

    assert {"logs.processor": 1} == counted


def test_a_method_of_a_foreign_logger_has_a_level() -> None:
    """The standard ones by name; what nobody knows is always written."""
    with logged(level=logging.WARNING) as lines:
        for method in ("info", "notset", "notice", "warn"):
            with pytest.raises(structlog.DropEvent):
                deliver(None, method, {"event": method})

    assert ["notice", "warning"] == [line["level"] for line in lines.parsed]


def test_the_class_has_structlogs_methods() -> None:
    """Types of applications say `FilteringBoundLogger`."""
    wanted = {
        name
        for name in dir(structlog.typing.FilteringBoundLogger)
        if not name.startswith("_")
    }

    assert set() == wanted - set(dir(TotalBoundLogger))

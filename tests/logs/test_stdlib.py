"""Records of stdlib loggers, servers and warnings in our format."""

import asyncio
import gc
import io
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog
from rich.console import Console
from rich.logging import RichHandler

from steadfastapi.logs.pipeline import pipeline
from steadfastapi.logs.reported import mark_reported
from steadfastapi.logs.stdlib import (
    ACCESS_LOGGERS,
    CLIENT_LIBRARIES,
    SERVER_LOGGERS,
    StructuredHandler,
    Takeover,
)
from support.hostile import BadRepr
from support.lines import Lines, logged


@contextmanager
def taken_over(**settings: Any) -> Iterator[tuple[logging.Logger, Lines]]:
    """Take stdlib logging over; give a logger and what it wrote."""
    with logged(**settings) as lines:
        yield logging.getLogger("shop.orders"), lines


@contextmanager
def set_up(name: str, **facts: Any) -> Iterator[logging.Logger]:
    """Set a logger up as an application does; afterwards it is as it was."""
    logger = logging.getLogger(name)
    before = logger.handlers[:], logger.level, logger.propagate
    logger.handlers[:] = facts.get("handlers", [])
    logger.setLevel(facts.get("level", logging.NOTSET))
    logger.propagate = facts.get("propagate", True)
    try:
        yield logger
    finally:
        logger.handlers[:], logger.propagate = before[0], before[2]
        logger.setLevel(before[1])


def test_a_record_has_its_logger_and_its_own_time() -> None:
    """A queue may have held it for a while."""
    with taken_over() as (logger, lines):
        record = logger.makeRecord(
            logger.name, logging.WARNING, "shop.py", 7, "%s apples", (7,), None
        )
        record.created = 1767323045.25
        logger.handle(record)

    assert {
        "timestamp": "2026-01-02T03:04:05.250Z",
        "level": "warning",
        "event": "7 apples",
        "logger": "shop.orders",
    } == lines.last


def test_extra_becomes_fields() -> None:
    """Secrets masked; what a server adds for its own colours is left out."""
    with taken_over() as (logger, lines):
        extra = {"order_id": 7, "password": "hunter2", "color_message": "\x1b[1mx"}
        logger.info("placed", extra=extra)

    assert ["timestamp", "level", "event", "logger", "order_id", "password"] == list(
        lines.last
    )
    assert (7, "[redacted]") == (lines.last["order_id"], lines.last["password"])


def test_exceptions_and_stacks_are_fields() -> None:
    """On the same line."""
    with taken_over() as (logger, lines):
        try:
            raise ValueError("token=hunter2")
        except ValueError:
            logger.exception("failed", stack_info=True)

    assert lines.last["exception"].endswith("ValueError: token=[redacted]")
    assert lines.last["stack"].startswith("Stack (most recent call last):\n")


@pytest.mark.parametrize("arguments", [("seven",), (7, 8), (BadRepr(),)])
def test_arguments_that_do_not_fit_stand_beside_the_message(arguments: Any) -> None:
    """Stdlib prints a traceback to stderr instead of the message."""
    handlers = [StructuredHandler(pipeline)]  # pytest's own would raise
    with (
        logged() as lines,
        set_up("shop.arguments", handlers=handlers, propagate=False) as logger,
    ):
        logger.info("%d apples", *arguments)

    assert lines.last["event"].startswith(("%d apples (", "%d apples <tuple"))


def test_a_dictionary_is_an_event_of_structlogs() -> None:
    """As `ProcessorFormatter.wrap_for_formatter` sends it through stdlib."""
    with taken_over() as (logger, lines):
        logger.info({"event": "placed", "order_id": 7})

    assert ("placed", 7) == (lines.last["event"], lines.last["order_id"])


def test_processors_can_tell_records_from_events() -> None:
    """By `_record`, which is structlog's own name for it."""
    seen: list[bool] = []

    def look(event: dict[str, Any]) -> dict[str, Any]:
        seen.append("_record" in event)
        return event

    with taken_over(processors=[look]) as (logger, lines):
        logger.info("a")
        structlog.get_logger().info("b")

    assert [True, False] == seen
    assert "_record" not in lines.parsed[0]


def test_a_warning_is_one_line() -> None:
    """Category and place, without the line of source below."""
    with taken_over() as (_, lines), warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old\nthing", DeprecationWarning, stacklevel=1)
        warnings.warn_explicit("no source", UserWarning, "<string>", 7)

    first, second = lines.parsed
    place = f"{Path(__file__)}:"
    assert first["event"].startswith(place)
    assert first["event"].endswith(" DeprecationWarning: old\nthing")
    assert "<string>:7: UserWarning: no source" == second["event"]
    assert ("warning", "py.warnings") == (first["level"], first["logger"])


def test_a_task_that_failed_unnoticed_is_one_line() -> None:
    """Asyncio tells of it when the task is collected."""
    secret = "hunter2"

    async def fail() -> None:
        raise ValueError(f"token={secret}")

    async def forget() -> None:
        task = asyncio.create_task(fail())
        await asyncio.sleep(0)
        del task
        gc.collect()

    with taken_over() as (_, lines):
        asyncio.run(forget())

    line = lines.last
    assert ("error", "asyncio") == (line["level"], line["logger"])
    assert line["event"].startswith("Task exception was never retrieved")
    assert line["exception"].endswith("ValueError: token=[redacted]")
    assert "hunter2" not in lines.text


def test_levels_hold_for_all_and_for_one() -> None:
    """A logger's own level, set before or at run time, wins over the general one."""
    with set_up("shop.loud", level=logging.DEBUG) as loud, taken_over() as (one, lines):
        loud.debug("1")
        one.debug("not written")
        pipeline.set_level(logging.WARNING)
        one.info("not written")
        pipeline.set_level(logging.DEBUG, one.name)
        one.debug("2")
        logging.getLogger("other").info("not written")

    assert ["1", "2"] == [line["event"] for line in lines.parsed]


def test_files_of_the_application_go_on(tmp_path: Path) -> None:
    """What writes to the terminal is replaced, what writes elsewhere stays."""
    file = logging.FileHandler(tmp_path / "shop.log")
    terminal = logging.StreamHandler(sys.stderr)
    with (
        set_up("", handlers=[file, terminal], level=logging.INFO) as root,
        taken_over() as (logger, lines),
    ):
        kept = root.handlers[:]
        logger.info("a")
        file.close()

    assert file in kept
    assert terminal not in kept
    assert "a\n" == (tmp_path / "shop.log").read_text()
    assert ["a"] == [line["event"] for line in lines.parsed]


def test_loggers_with_a_terminal_of_their_own_write_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whether they propagate or not; Rich's handler is one as well."""
    rich = RichHandler(console=Console(file=sys.stderr))
    with (
        set_up("shop.a", handlers=[logging.StreamHandler(sys.stdout)]) as first,
        set_up("shop.b", handlers=[rich], propagate=False) as second,
        taken_over() as (_, lines),
    ):
        first.warning("a")
        second.warning("b")

    assert ["a", "b"] == [line["event"] for line in lines.parsed]
    assert ("", "") == capsys.readouterr()


@pytest.mark.parametrize("name", SERVER_LOGGERS)
def test_a_servers_logger_writes_in_our_format_only(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its handlers came after us, and do not propagate."""
    with taken_over() as (_, lines):
        terminal = logging.StreamHandler(sys.stderr)
        with set_up(name, handlers=[terminal], propagate=False, level=10) as logger:
            logger.info("running")
            logger.debug("not written")

    assert [("running", name)] == [
        (line["event"], line["logger"]) for line in lines.parsed
    ]
    assert ("", "") == capsys.readouterr()


@pytest.mark.parametrize("name", ACCESS_LOGGERS)
def test_a_servers_access_log_goes_to_its_files_only(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Our line says the same; who wants the file gets it."""
    file, quiet = io.StringIO(), logging.StreamHandler(io.StringIO())
    quiet.setLevel(logging.ERROR)
    handlers = [logging.StreamHandler(sys.stdout), logging.StreamHandler(file), quiet]
    with (
        taken_over() as (_, lines),
        set_up(name, handlers=handlers, propagate=False, level=20) as logger,
    ):
        logger.info("GET / 200")

    assert [] == lines.raw
    assert ("GET / 200\n", "") == (file.getvalue(), quiet.stream.getvalue())
    assert ("", "") == capsys.readouterr()


def test_our_level_holds_for_servers_too() -> None:
    """Uvicorn sets INFO itself; only what is set through us goes below."""
    with (
        set_up("uvicorn.error", level=logging.INFO) as server,
        taken_over(level=logging.WARNING) as (_, lines),
    ):
        server.info("not written")
        server.warning("1")
        pipeline.set_level(logging.DEBUG, "uvicorn.error")
        server.debug("2")

    assert ["1", "2"] == [line["event"] for line in lines.parsed]


def test_a_reported_exception_is_not_written_again() -> None:
    """The server logs what passes through it; the boundary has already."""
    with taken_over() as (_, lines):
        for error in (ValueError("new"), ValueError("known")):
            if "known" in error.args:
                mark_reported(error)
            logging.getLogger("uvicorn.error").error(
                "Exception in ASGI application\n", exc_info=error
            )

    assert "Exception in ASGI application" == lines.last["event"]
    assert lines.last["exception"].endswith("ValueError: new")


def test_uvicorns_lines_about_websockets_are_access_lines() -> None:
    """With the query, on its error logger; warnings about them are none."""
    with taken_over() as (_, lines):
        server = logging.getLogger("uvicorn.error")
        server.info('%s - "WebSocket %s" [accepted]', "127.0.0.1:1", "/ws?token=a")
        server.info("connection open")
        server.info("connection closed")
        server.warning("connection lost")

    assert ["connection lost"] == [line["event"] for line in lines.parsed]


@pytest.mark.parametrize("name", CLIENT_LIBRARIES)
def test_client_libraries_are_quiet_unless_asked(name: str) -> None:
    """Their lines hold whole URLs; a level of the application's stays."""
    logger = logging.getLogger(name)
    with taken_over(level=logging.DEBUG) as (_, lines):
        logger.info("GET https://a.example/?token=x")
        logger.warning("1")
        pipeline.set_level(logging.INFO, name)
        logger.info("2")
    with set_up(name, level=logging.INFO), taken_over() as (_, more):
        logger.info("3")

    assert ["1", "2", "3"] == [line["event"] for line in (*lines.parsed, *more.parsed)]


def test_taking_over_twice_writes_once() -> None:
    """Two applications in one process; the level that the second one set stays."""
    library = logging.getLogger("httpx")
    with taken_over():
        library.setLevel(logging.INFO)
        try:
            with taken_over() as (logger, lines):
                logger.info("a")
                level = library.level
        finally:
            library.setLevel(logging.NOTSET)

    assert ["a"] == [line["event"] for line in lines.parsed]
    assert logging.INFO == level


def test_everything_is_given_back() -> None:
    """Handlers in order, filters, levels, whether warnings were captured before."""
    names = ("", "shop.own", "httpx", *SERVER_LOGGERS, *ACCESS_LOGGERS)

    def state() -> list[Any]:
        loggers = [logging.getLogger(name) for name in names]
        facts = [(one.level, one.propagate, one.filters[:]) for one in loggers]
        handlers = [list(map(id, one.handlers)) for one in loggers]
        return [*facts, *handlers, warnings.showwarning]

    takeover = Takeover()
    out, err = logging.StreamHandler(sys.stdout), logging.StreamHandler(sys.stderr)
    handlers = [out, logging.NullHandler(), err, logging.NullHandler()]
    with set_up("shop.own", handlers=handlers, propagate=False):
        before = state()
        takeover.begin(pipeline)
        pipeline.set_level(logging.ERROR)
        during = state()
        takeover.end()
        after = state()

    assert before != during
    assert before == after


def test_warnings_that_were_captured_before_stay_captured() -> None:
    """Somebody else wanted them in the log."""
    takeover = Takeover()
    logging.captureWarnings(capture=True)
    captured = warnings.showwarning
    try:
        takeover.begin(pipeline)
        takeover.end()
        assert captured is warnings.showwarning
    finally:
        logging.captureWarnings(capture=False)


def test_the_handler_has_no_lock_and_no_errors() -> None:
    """A child that is forked while a record is written finds nothing locked."""
    handler = StructuredHandler(pipeline)
    handler.handleError(logging.makeLogRecord({}))

    assert None is handler.lock

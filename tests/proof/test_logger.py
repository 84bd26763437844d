"""NB-10: the logger is total, case by case, on real pipes and devices."""

import io
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TextIO

import pytest
import structlog

from steadfastapi.logs.pipeline import pipeline
from steadfastapi.testing import internal_errors
from support.hostile import VALUES
from support.lines import RENDERERS, Lines, logged, parse

FULL = Path("/dev/full")


def _refuse(_event: dict[str, Any]) -> NoReturn:
    raise LookupError("refused")


@contextmanager
def _utf8() -> Iterator[TextIO]:
    yield Lines().stream


@contextmanager
def _ascii() -> Iterator[TextIO]:
    yield Lines("ascii").stream


@contextmanager
def _broken_pipe() -> Iterator[TextIO]:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb", buffering=0) as raw:
        yield io.TextIOWrapper(raw, encoding="utf-8", write_through=True)


@contextmanager
def _full_disk() -> Iterator[TextIO]:
    with FULL.open("wb", buffering=0) as raw:
        yield io.TextIOWrapper(raw, encoding="utf-8", write_through=True)


@dataclass(frozen=True)
class Case:
    """One row of the table.

    Args:
        fields: Makes what is logged beside the message.
        renderer: `json`, `console`, or both.
        stream: Where lines go.
        error: The component that counts it; then the line has `log_error`.
        processors: Of the pipeline.
    """

    fields: Callable[[], dict[str, Any]] = dict
    renderers: tuple[str, ...] = ("json", "console")
    stream: Callable[[], Any] = _utf8
    error: str = ""
    processors: tuple[Any, ...] = ()


def _value(name: str) -> Case:
    return Case(fields=lambda: {"value": VALUES[name]()})


CASES = {
    **{int(name.split()[0]): _value(name) for name in VALUES if name[0].isdecimal()},
    8: Case(error="logs.processor", processors=(_refuse,)),
    9: Case(stream=_broken_pipe, error="logs.stream"),
    10: Case(stream=_full_disk, error="logs.stream"),
    11: Case(lambda: {"value": "é€😀\udc80"}, renderers=("json",), stream=_ascii),
    12: Case(lambda: {"value": "é€😀\udc80"}, renderers=("console",), stream=_ascii),
    13: Case(lambda: {"event": "clashes", "level": "high"}),
}
"""By the numbers of RELIABILITY 2.2."""


def _by_structlog(event: str, /, **fields: Any) -> None:
    structlog.get_logger().info(event, **fields)


def _by_bound_logger(event: str, /, **fields: Any) -> None:
    structlog.get_logger("shop").bind(a=1).info(event, **fields)


def _by_stdlib(event: str, /, **fields: Any) -> None:
    logging.getLogger("shop").info(event, extra=fields)


WAYS = (_by_structlog, _by_bound_logger, _by_stdlib)
EVERY = [
    pytest.param(number, renderer, way, id=f"{number}-{renderer}-{way.__name__[4:]}")
    for number, case in CASES.items()
    for renderer in case.renderers
    for way in WAYS
]


def test_there_are_thirteen_cases() -> None:
    """None is left out."""
    assert list(range(1, 14)) == list(CASES)


@pytest.mark.parametrize(("number", "renderer", "write"), EVERY)
def test_the_logger_raises_nothing_and_writes_one_line(
    number: int,
    renderer: str,
    write: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Strict JSON where JSON is asked; a line by another way says why."""
    case = CASES[number]
    with (
        internal_errors() as counted,
        case.stream() as stream,
        logged(RENDERERS[renderer], processors=list(case.processors)),
    ):
        pipeline.stream = stream
        write("hostile", **case.fields())
        written = _written(stream)
    # What no stream took goes to stderr, and it is JSON whatever was asked for.
    rescued = [one for one in capsys.readouterr().err.split("\n") if one[:1] == "{"]
    lines = written + rescued

    assert 1 == len(lines)
    assert ({case.error: 1} if case.error else {}) == counted
    assert bool(case.error) == ("log_error" in lines[0])
    assert "hostile" in lines[0]
    if renderer == "json" or rescued:
        line = parse(lines[0])
        assert ["timestamp", "level", "event"] == list(line)[:3]


def _written(stream: TextIO) -> list[str]:
    """Return the lines that a stream in memory has."""
    buffer = getattr(stream, "buffer", None)
    if not isinstance(buffer, io.BytesIO):
        return []
    stream.flush()
    return buffer.getvalue().decode(stream.encoding).split("\n")[:-1]

"""A traceback for people: the application's own frames, the framework's in a word."""

from __future__ import annotations

import os
import sysconfig
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from steadfastapi._scrub import scrub_text
from steadfastapi._secrets import masked_code
from steadfastapi.logs.tracebacks import MAX_MESSAGE, extracted, traceback_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from traceback import FrameSummary, TracebackException

    from steadfastapi.logs.tracebacks import ExcInfo

Styled = tuple[str, str]
"""A style and a line without its end."""

MAX_LINES = 200
MAX_LINE = 512
"""Characters of a line of code."""
MAX_CHAIN = 10
MAX_GROUP = 10

_STANDARD_LIBRARY = sysconfig.get_path("stdlib")
_OURS = str(Path(__file__).parents[1])
_CAUSE = "which directly caused:"
_CONTEXT = "and while that was handled:"


def traceback_lines(error: ExcInfo) -> list[Styled]:
    """Return the lines of an exception and of those that led to it, oldest first."""
    try:
        lines = list(_chain(extracted(error), 0))
    except Exception:
        lines = [("", line) for line in traceback_text(error).split("\n")]
    if len(lines) > MAX_LINES:
        left_out = ("dim", f"... {len(lines) - MAX_LINES} lines left out")
        lines = [*lines[: MAX_LINES // 4], left_out, *lines[-MAX_LINES * 3 // 4 :]]
    return lines


def _chain(error: TracebackException, depth: int) -> Iterator[Styled]:
    links: list[tuple[str, TracebackException]] = []
    current: TracebackException | None = error
    while current is not None and len(links) < MAX_CHAIN:
        cause = current.__cause__
        context = None if current.__suppress_context__ else current.__context__
        links.append((_CAUSE if cause else _CONTEXT, current))
        current = cause or context
    for position, (link, one) in enumerate(reversed(links)):
        if position:
            yield "dim", link
        yield from _one(one, depth)


def _one(error: TracebackException, depth: int) -> Iterator[Styled]:
    if error.stack:
        yield "dim", "Traceback, most recent call last"
    frames = list(error.stack)
    for foreign, group in groupby(frames[:-1], _is_foreign):
        if foreign:
            yield "dim", f"  {_folded(list(group))}"
        else:
            for frame in group:
                yield from _frame(frame)
    for frame in frames[-1:]:  # where it was raised
        yield from _frame(frame, "bold")
    for part in error.format_exception_only():
        for line in scrub_text(part.rstrip(), MAX_MESSAGE).split("\n"):
            yield "error", line
    for member in (error.exceptions or ())[:MAX_GROUP] if depth < MAX_CHAIN else ():
        for style, line in _chain(member, depth + 1):
            yield style, f"  | {line}"


def _is_foreign(frame: FrameSummary) -> bool:
    return _package(frame.filename) is not None


def _package(filename: str) -> str | None:
    """Return the package that a file belongs to; None for the application's own."""
    for mark in ("site-packages", "dist-packages"):
        _, found, inside = filename.rpartition(f"{os.sep}{mark}{os.sep}")
        if found:
            return inside.partition(os.sep)[0].removesuffix(".py")
    if filename.startswith(_OURS):
        return Path(_OURS).name
    if filename.startswith((_STANDARD_LIBRARY, "<frozen")):
        return "python"
    return None


def _folded(frames: list[FrameSummary]) -> str:
    names = dict.fromkeys(str(_package(frame.filename)) for frame in frames)
    count = "1 frame" if len(frames) == 1 else f"{len(frames)} frames"
    return f"{count} of {', '.join(names)}"


def _frame(frame: FrameSummary, style: str = "") -> Iterator[Styled]:
    """Return where a frame is, from the working directory, and its line of code."""
    place = frame.filename.removeprefix(f"{Path.cwd()}{os.sep}")
    for mark in ("site-packages", "dist-packages"):
        place = place.rpartition(f"{mark}{os.sep}")[2]
    yield "cyan", f"  {place}:{frame.lineno} in {frame.name}"
    if frame.line:
        yield style, f"    {masked_code(frame.line[:MAX_LINE])}"

"""Who blocks an event loop: the frames of its thread, and the request they serve.

Another thread may look at them while it holds the interpreter: what blocks the loop
has let go of it, and stands still. Nothing has to be noted while a request is served.
"""

from __future__ import annotations

import linecache
import os
import sys
import sysconfig
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from steadfastapi._exchange import SCOPE_KEY, Exchange
from steadfastapi._secrets import masked_code

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

MAX_FRAMES = 40
"""Innermost frames that are shown."""
MAX_DEPTH = 500
MAX_SOURCE = 160

_PACKAGES = tuple(
    f"{os.sep}{name}{os.sep}" for name in ("site-packages", "dist-packages")
)
_OURS = str(Path(__file__).parents[1]) + os.sep
_PYTHON = (
    sysconfig.get_path("stdlib") + os.sep,
    sysconfig.get_path("platstdlib") + os.sep,
    "<",
)
_LOOP = frozenset(
    {
        "_run_once",
        "asyncio_run",
        "run",
        "run_forever",
        "run_until_complete",
        "select",
    }
)
"""Functions of an event loop; uvloop's have no frames, and its caller is `run`."""
_ASGI = "scope"
"""What an ASGI application calls its first argument."""


@dataclass(frozen=True, slots=True)
class Culprit:
    """What a blocked event loop is doing.

    Args:
        at: `file:line in function` of the innermost frame of the application; of the
            innermost frame where none is the application's.
        code: That line.
        stack: The frames, outermost first, one a line.
        exchange: The request that is being served, if it is one.
    """

    at: str
    code: str
    stack: str
    exchange: Exchange | None


def culprit(thread: int) -> Culprit | None:
    """Return what the event loop of a thread is doing; None if it does nothing."""
    frames = _frames(thread)
    if not frames or _is_loop(frames[0]):
        return None
    blamed = _blamed(frames)
    file, line = blamed.f_code.co_filename, blamed.f_lineno
    return Culprit(
        at=_place(blamed),
        code=masked_code(linecache.getline(file, line).strip())[:MAX_SOURCE],
        stack="\n".join(map(_place, reversed(_shown(frames)))),
        exchange=_exchange(frames),
    )


def _frames(thread: int) -> list[FrameType]:
    """Return the frames of a thread, innermost first."""
    frames: list[FrameType] = []
    frame = sys._current_frames().get(thread)  # noqa: SLF001 - documented
    while frame is not None and len(frames) < MAX_DEPTH:
        frames.append(frame)
        frame = frame.f_back
    return frames


def _is_loop(frame: FrameType) -> bool:
    code = frame.f_code
    return code.co_name in _LOOP and not is_in_app(code.co_filename)


def _shown(frames: Sequence[FrameType]) -> Sequence[FrameType]:
    """Leave out what runs the loop, and the framework that calls the application."""
    ends_at = next((n for n, one in enumerate(frames) if _is_loop(one)), len(frames))
    frames = frames[:ends_at]
    own = [n for n, one in enumerate(frames) if is_in_app(one.f_code.co_filename)]
    return frames[: min(own[-1] + 1 if own else len(frames), MAX_FRAMES)]


def _blamed(frames: Sequence[FrameType]) -> FrameType:
    for frame in frames:
        if is_in_app(frame.f_code.co_filename):
            return frame
    return frames[0]


def _exchange(frames: Sequence[FrameType]) -> Exchange | None:
    """Return the exchange of the nearest ASGI application that is being called."""
    for frame in frames:
        code = frame.f_code
        if _ASGI in code.co_varnames and not is_in_app(code.co_filename):
            scope = frame.f_locals.get(_ASGI)
            exchange = scope.get(SCOPE_KEY) if isinstance(scope, dict) else None
            if isinstance(exchange, Exchange):
                return exchange
    return None


@lru_cache(maxsize=1024)
def is_in_app(filename: str) -> bool:
    """Return whether a file is the application's: in no package, and not Python's."""
    if any(mark in filename for mark in _PACKAGES):
        return False
    return not filename.startswith((_OURS, *_PYTHON))


def _place(frame: FrameType) -> str:
    file = _short(frame.f_code.co_filename)
    return f"{file}:{frame.f_lineno} in {frame.f_code.co_qualname}"


@lru_cache(maxsize=1024)
def _short(filename: str) -> str:
    for mark in _PACKAGES:
        filename = filename.rpartition(mark)[2]
    try:
        return filename.removeprefix(f"{Path.cwd()}{os.sep}")
    except OSError:  # the working directory is gone
        return filename

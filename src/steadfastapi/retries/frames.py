"""Where an error comes from: some facts are in the traceback and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_FRAMES = 200
"""Frames that are looked at; a recursion may have left thousands."""


def passed_through(error: BaseException, places: Mapping[str, frozenset[str]]) -> bool:
    """Return whether `error` came through one of these functions.

    Args:
        error: An error that was raised.
        places: Names of functions by the module that they are defined in.
    """
    traceback = error.__traceback__
    for _ in range(MAX_FRAMES):
        if traceback is None:
            break
        frame = traceback.tb_frame
        functions = places.get(frame.f_globals.get("__name__", ""))
        if functions is not None and frame.f_code.co_name in functions:
            return True
        traceback = traceback.tb_next
    return False

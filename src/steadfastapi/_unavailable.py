"""Errors that mean "try again later": 503 with `Retry-After` where they escape.

Retries mark the error that they gave up on, breakers the one that they raise; the
contract reads the mark. It is an attribute, so that the error itself stays what it
was for everybody who catches it.
"""

from __future__ import annotations

import math
from typing import cast

from steadfastapi._guard import guard

DETAIL = "Service temporarily unavailable"
MAX_RETRY_AFTER = 3_600
"""Seconds. Whatever an upstream asks for, nobody should stay away for longer."""

_MARK = "__steadfastapi_retry_after__"


class _Use:
    """Whether anything in this process can mark an error at all."""

    possible = False


def expect() -> None:
    """Say that marked errors can happen here, so that OpenAPI lists the 503."""
    _Use.possible = True


def is_expected() -> bool:
    """Return whether this process retries, breaks circuits, or denies."""
    return _Use.possible


def mark(error: BaseException, retry_after: float) -> None:
    """Let `error`, should it escape from an endpoint, become a 503.

    Args:
        error: Any exception; one that refuses attributes is marked all the same.
        retry_after: Seconds until another try makes sense; rounded up, at least 1.
    """
    try:
        seconds = max(1, math.ceil(min(retry_after, MAX_RETRY_AFTER)))
        # Past a `__setattr__` of its own, such as a frozen dataclass has.
        BaseException.__setattr__(error, _MARK, seconds)
    except Exception as failure:
        guard.swallow("unavailable", failure)


def retry_after_of(error: BaseException) -> int | None:
    """Return the seconds of `Retry-After`, or None for an error without a mark.

    A group is unavailable when all of its errors are: one bug in it is a bug.
    """
    try:
        if issubclass(type(error), BaseExceptionGroup):
            group = cast("BaseExceptionGroup[BaseException]", error)
            inside = [retry_after_of(one) for one in group.exceptions]
            known = [seconds for seconds in inside if seconds is not None]
            return max(known) if known and len(known) == len(inside) else None
        seconds = BaseException.__getattribute__(error, _MARK)
    except AttributeError:
        return None
    except Exception as failure:
        guard.swallow("unavailable", failure)
        return None
    return seconds if isinstance(seconds, int) else None

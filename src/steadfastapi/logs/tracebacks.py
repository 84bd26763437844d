"""An exception as text: no locals (LOG-6), bounded, secrets masked."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any

from steadfastapi._scrub import scrub_text
from steadfastapi._secrets import masked_code
from steadfastapi._tracebacks import account_of

if TYPE_CHECKING:
    from traceback import TracebackException

MAX_MESSAGE = 8 * 1024
MAX_TEXT = 24 * 1024
_MARGIN = 512
"""Characters more, so that a text which is too long still says how long it was."""

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def as_exc_info(given: Any) -> ExcInfo | None:
    """Return the triple of what logging calls take: True, an exception, a triple."""
    if isinstance(given, BaseException):
        return type(given), given, given.__traceback__
    if given and not isinstance(given, tuple):
        given = sys.exc_info()
    if isinstance(given, tuple) and len(given) == 3:  # noqa: PLR2004
        _, error, place = given
        if isinstance(error, BaseException):
            return type(error), error, place
    return None


def extracted(error: ExcInfo) -> TracebackException:
    """Return what is known of an exception and those that led to it."""
    return account_of(*error, message=MAX_MESSAGE + _MARGIN)


def traceback_text(error: ExcInfo) -> str:
    """Return the traceback as Python prints it."""
    try:
        parts = [_scrubbed(part) for part in extracted(error).format()]
    except Exception as failure:
        return f"{error[0].__name__} (unreadable: {type(failure).__name__})"
    return _shortened("".join(parts).rstrip())


def _scrubbed(part: str) -> str:
    if part.lstrip(" |+-").startswith('File "'):
        return masked_code(part)
    return scrub_text(part, MAX_MESSAGE)


def _shortened(text: str) -> str:
    """Return the start and, since the error itself stands there, more of the end."""
    if len(text) <= MAX_TEXT:
        return text
    start = MAX_TEXT // 4
    end = start - MAX_TEXT + 64
    left_out = len(text) - start + end
    return f"{text[:start]}\n… [{left_out} characters left out]\n{text[end:]}"

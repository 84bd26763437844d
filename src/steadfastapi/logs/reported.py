"""Which exceptions have had their error line: the server logs them once more."""

from __future__ import annotations

_REPORTED = "_steadfastapi_reported"


def mark_reported(exception: BaseException) -> None:
    """Remember on the exception that it has its line."""
    # Not `setattr`: a class may refuse, but every exception has a `__dict__`.
    BaseException.__setattr__(exception, _REPORTED, True)


def is_reported(exception: BaseException) -> bool:
    """Return whether an exception already has its error line."""
    return _REPORTED in BaseException.__getattribute__(exception, "__dict__")

"""Python's own account of an exception, cut before it is formatted."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

MAX_FRAMES = 50
"""Of each exception, the innermost ones (SEC-8)."""


def account_of(
    kind: type[BaseException],
    error: BaseException,
    place: TracebackType | None,
    *,
    message: int,
) -> traceback.TracebackException:
    """Return what is known of an exception and of those that led to it.

    Formatting indents every line of a message: five million of them take 0.6 s.

    Args:
        kind: Its class.
        error: The exception.
        place: Its traceback.
        message: Characters of each message that are kept.
    """
    account = traceback.TracebackException(
        kind, error, place, limit=-MAX_FRAMES, capture_locals=False, compact=True
    )
    todo: list[traceback.TracebackException | None] = [account]
    seen: set[int] = set()
    while todo:
        one = todo.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        # Private, and the only place where the message is: without it nothing is cut.
        text = getattr(one, "_str", None)
        if isinstance(text, str) and len(text) > message:
            vars(one)["_str"] = text[:message]
        todo += [
            one.__cause__,
            one.__context__,
            *(getattr(one, "exceptions", None) or ()),
        ]
    return account

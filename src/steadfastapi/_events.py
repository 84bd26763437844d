"""What the business counts: orders, sign-ups, payments."""

from __future__ import annotations

import re

from steadfastapi._counts import counts
from steadfastapi._guard import guard
from steadfastapi.signals import BUSINESS_EVENTS, OTHER

MAX_NAMES = 100
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}").fullmatch

_names: set[str] = set()


def count_event(name: str, amount: float = 1) -> None:
    """Count a business event, in `business_events_total{event=name}`.

        count_event("order_placed")

    Works anywhere, in threads and background tasks too, and costs nothing without
    metrics. It never raises: what is wrong is logged and counted as an internal error.

    Args:
        name: Of the event, as written in code: lower case, digits and underscores, 64
            characters at most. Never a value that a client sends: after the first
            hundred names, further ones are counted as `other`.
        amount: How many at once. With 0 the count starts at 0, so that the first event
            is a rise: call it so where your module is imported.
    """
    try:
        if name not in _names:
            name = _new(name)
        if amount == 0:
            counts.declare(BUSINESS_EVENTS, name)
        elif amount > 0:
            counts.add(BUSINESS_EVENTS, name, amount=amount)
        else:
            raise ValueError(  # noqa: TRY301 - guarded like any other mistake
                f"count_event({name!r}, {amount!r}): an amount is 0 or more."
            )
    except Exception as error:
        guard.swallow("events", error)


def reset() -> None:
    """Forget all names, for tests."""
    _names.clear()


def _new(name: str) -> str:
    if not isinstance(name, str) or not _NAME(name):
        raise ValueError(
            f"count_event({name!r}): write a name of lower-case letters, digits and "
            "underscores, such as order_placed."
        )
    if len(_names) >= MAX_NAMES:
        name = OTHER
    _names.add(name)
    return name

"""What application code calls for objectives about anything that is no request.

    from steadfastapi import count_bad, count_good

    try:
        send(receipt)
    except SMTPException:
        count_bad("receipts")
        raise
    count_good("receipts")

Nothing here waits, and nothing raises.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from steadfastapi._guard import guard

if TYPE_CHECKING:
    from steadfastapi.slo.handle import SLOHandle

_active: weakref.WeakSet[SLOHandle] = weakref.WeakSet()


def activate(handle: SLOHandle) -> None:
    """Let the functions of this module count for the objectives of an application."""
    _active.add(handle)


def reset() -> None:
    """Forget every application, for tests."""
    _active.clear()


def count_good(slo: str) -> None:
    """Count a good event of an objective, `SLO(name=slo, events=99.5)`.

    Does nothing where no application has objectives. A name that none of them knows
    is an internal error: counted and logged, and the caller goes on.

    Args:
        slo: Name of the objective.
    """
    guard.call("slo.count", _count, slo, good=True)


def count_bad(slo: str) -> None:
    """Count a bad event of an objective; see `count_good`.

    Args:
        slo: Name of the objective.
    """
    guard.call("slo.count", _count, slo, good=False)


def _count(slo: str, *, good: bool) -> None:
    handles = list(_active)
    counted = [handle.count(slo, good=good) for handle in handles]
    if handles and not any(counted):
        known = sorted({name for handle in handles for name in handle.events})
        function = "count_good" if good else "count_bad"
        raise ValueError(
            f"{function}({slo!r}): no SLO(name={slo!r}, events=…) is declared. "
            f"Known: {', '.join(known) or 'none'}."
        )

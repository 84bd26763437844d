"""What limits ask of a storage, and what it answers: the words between the two.

Named tuples: three of them are made for each request, and these are made fastest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class Demand(NamedTuple):
    """One request's claim on one bucket.

    Args:
        bucket: Name of the bucket: hexadecimal, of a fixed length.
        amount: How much the bucket grants in one window.
        window: Seconds.
        cost: How much this request takes; 1 as a rule.
    """

    bucket: str
    amount: int
    window: int
    cost: int


class Standing(NamedTuple):
    """How a bucket stands after a decision.

    Args:
        remaining: How much is left.
        reset: Seconds until the oldest entry leaves the window, and something more
            can be had.
        wait: Seconds until what was refused would be granted; 0 if it was not.
    """

    remaining: int
    reset: float
    wait: float


class Verdict(NamedTuple):
    """The answer to all demands of one request: all are granted, or none.

    Args:
        granted: Whether the request may go on.
        standings: One a demand, in their order; empty without a storage.
        unavailable: The storage failed, and a route asked to be closed then.
        alone: The storage failed, and this process decided for itself.
    """

    granted: bool
    standings: Sequence[Standing] = ()
    unavailable: bool = False
    alone: bool = False

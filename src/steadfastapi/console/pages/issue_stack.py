"""A stack as the Issue page shows it: calls of the application, and folded others."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steadfastapi.inbox.entry import Frame


@dataclass(frozen=True, slots=True)
class Group:
    """Calls that follow each other, all of the application or all of others."""

    in_app: bool
    frames: tuple[Frame, ...]


def groups(frames: Sequence[Frame]) -> list[Group]:
    """Return the calls of a stack, the one that raised first.

    Args:
        frames: Outermost first, as they are kept.
    """
    latest_first = reversed(frames)
    return [
        Group(in_app, tuple(some))
        for in_app, some in groupby(latest_first, key=attrgetter("in_app"))
    ]

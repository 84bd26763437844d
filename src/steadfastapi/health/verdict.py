"""What an authentication says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.requests import Request

Check = Callable[["Request"], Awaitable["Verdict"]]
"""Asks one kind of authentication."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an authentication says.

    Args:
        granted: Whether the caller may.
        status: What to answer otherwise.
        headers: Headers of that answer.
    """

    granted: bool
    status: int = 401
    headers: Mapping[str, str] = field(default_factory=dict)


GRANTED = Verdict(granted=True)
UNAVAILABLE = Verdict(granted=False, status=503)

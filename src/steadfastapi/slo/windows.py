"""The windows of the rules, and how fast a budget burns in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Severity = Literal["page", "ticket"]

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Pair:
    """Two windows that must both burn too fast before an alert fires.

    Args:
        long: The window that says how much of the budget is gone.
        short: The window that says that it still burns.
        spent: Share of the whole budget that is gone when the alert fires.
        severity: `page` wakes somebody up, `ticket` waits for the morning.
    """

    long: str
    short: str
    spent: float
    severity: Severity

    def factor(self, days: int) -> float:
        """Return how many times too fast that is, for a period of so many days."""
        return round(self.spent * days * _DAY / seconds(self.long), 10)


PAGES = (Pair("1h", "5m", 0.02, "page"), Pair("6h", "30m", 0.05, "page"))
TICKETS = (Pair("1d", "2h", 0.10, "ticket"), Pair("3d", "6h", 0.10, "ticket"))
"""The four standard pairs of Google's SRE workbook: 14.4, 6, 3 and 1 times too fast
for 30 days."""

ABOVE_4X = ("30m", "5m", 4.0)
"""Long window, short window and factor of "above 4 times for 30 minutes". The average
of the half hour is above, and the last five minutes still are; `for: 30m` would start
anew with every lost scrape."""


def seconds(window: str) -> float:
    """Return the length of a window such as `5m` or `3d`."""
    return float(window[:-1]) * _UNITS[window[-1]]


@dataclass(frozen=True, slots=True)
class Clock:
    """Turns the windows of the rules into durations of PromQL.

    Names keep the window that they are made for, whatever the scale.

    Args:
        scale: 1, or less for tests in which an hour must not take one.
    """

    scale: float = 1.0

    def duration(self, window: str) -> str:
        """Return a window in PromQL, e.g. `5m`, or `5000ms` at a sixtieth."""
        if self.scale == 1.0:
            return window
        return f"{round(seconds(window) * self.scale * 1_000)}ms"


def is_window(text: str) -> bool:
    """Return whether a text is a window of whole days, such as `30d`."""
    return re.fullmatch(r"[1-9][0-9]*d", text) is not None

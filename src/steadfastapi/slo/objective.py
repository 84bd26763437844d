"""One objective: what counts as good, and how much of it there must be."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from steadfastapi.signals import DURATION_BUCKETS

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal["availability", "latency", "events", "raw"]

DAYS = 30
MIN_DAYS = 7
"""The slowest alert looks at three days; a period must be well above."""
MAX_DAYS = 90
"""Prometheus reads the whole period at once, and the process keeps an hour each."""

MIN_BAD_EVENTS = 5
"""Bad events in the long window of an alert below which it stays silent: one failure
of a quiet service is no reason to wake anybody up."""

PLACEHOLDER = "{{.window}}"
"""Stands for the window in queries of one's own, as in sloth."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
"""What sloth takes as a name, and short enough for a label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """An objective, whether it was declared in code or in a file.

    Args:
        name: Unique within the service.
        percent: Share of good events, between 0 and 100, e.g. 99.9.
        kind: What is judged: status or duration of requests, events that the
            application counts, or two queries of one's own.
        threshold: Seconds within which a good response is complete, for `latency`.
        handlers: Route templates that count; all when empty.
        exclude_handlers: Route templates that do not.
        days: Length of the period that the error budget is for.
        min_bad_events: See `MIN_BAD_EVENTS`.
        above_4x: Whether an alert fires above 4 times for 30 minutes.
        labels: More labels of the alerts, e.g. the team.
        runbook: Where the runbooks are; the generator's default when empty.
        error_query: PromQL of the rate of bad events, with `{{.window}}`, for `raw`.
        total_query: The same of all events.
    """

    name: str
    percent: float
    kind: Kind
    threshold: float | None = None
    handlers: tuple[str, ...] = ()
    exclude_handlers: tuple[str, ...] = ()
    days: int = DAYS
    min_bad_events: int = MIN_BAD_EVENTS
    above_4x: bool = True
    labels: Mapping[str, str] = field(default_factory=dict)
    runbook: str = ""
    error_query: str = ""
    total_query: str = ""

    @property
    def ratio(self) -> float:
        """Share of good events, between 0 and 1."""
        return round(self.percent / 100, 10)

    @property
    def budget(self) -> float:
        """Share of bad events that is allowed, between 0 and 1."""
        return round(1 - self.percent / 100, 10)

    @property
    def period(self) -> str:
        """The period as a window of PromQL, e.g. `30d`."""
        return f"{self.days}d"

    def covers(self, handler: str) -> bool:
        """Return whether requests of a route template count."""
        if self.handlers and handler not in self.handlers:
            return False
        return handler not in self.exclude_handlers

    def __str__(self) -> str:
        if self.kind == "latency":
            return f"{self.name}: {self.percent:g} % within {self.threshold:g} s"
        return f"{self.name}: {self.percent:g} % good"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """The objectives of one service.

    Args:
        service: Its name.
        jobs: Prometheus jobs that scrape it; each has rules of its own.
        objectives: What it promises.
        long_windows: `recorded` builds the windows of one and three days from
            recorded five-minute counts, for services with thousands of series:
            Prometheus reads no more than 50 million samples at once.
        labels: Labels of the alerts that belong to no objective.
        runbook: Where the runbooks of those are; the generator's default when empty.
    """

    service: str
    jobs: tuple[str, ...]
    objectives: tuple[Objective, ...]
    long_windows: Literal["raw", "recorded"] = "raw"
    labels: Mapping[str, str] = field(default_factory=dict)
    runbook: str = ""


def checked_name(value: str) -> str:
    """Return a name that can be a label.

    Raises:
        ValueError: It cannot.
    """
    if NAME.fullmatch(value) is None:
        raise ValueError(
            "write letters, digits, '-', '_' and '.', at most 63, a letter or digit "
            "first"
        )
    return value


def checked_percent(value: float) -> float:
    """Return an objective that leaves a budget, and that can be met.

    Raises:
        ValueError: It is no percentage below 100, or one that leaves no budget.
    """
    if not 0 < value < 100:  # noqa: PLR2004 - per cent
        raise ValueError(
            "write a percentage between 0 and 100, both excluded, e.g. 99.9; 100 "
            "would leave no error budget"
        )
    if round(1 - value / 100, 10) <= 0:
        raise ValueError("write at most eight digits after the point, e.g. 99.999")
    return value


def checked_threshold(value: float) -> float:
    """Return a duration that the histogram can tell exactly.

    Raises:
        ValueError: It is no bound of a bucket.
    """
    if value not in DURATION_BUCKETS:
        known = ", ".join(f"{bound:g}" for bound in DURATION_BUCKETS)
        raise ValueError(
            "write the bound of a bucket of the duration histogram, in seconds, or "
            f"the share below it would be a guess: {known}"
        )
    return value


def checked_days(value: int) -> int:
    """Return the length of a period.

    Raises:
        ValueError: It is shorter or longer than the rules can handle.
    """
    if not MIN_DAYS <= value <= MAX_DAYS:
        raise ValueError(f"write {MIN_DAYS} to {MAX_DAYS} days; 30 is usual")
    return value


def repeated(objectives: list[Objective]) -> list[str]:
    """Return the names that are there more than once."""
    names = [objective.name for objective in objectives]
    return sorted({name for name in names if names.count(name) > 1})

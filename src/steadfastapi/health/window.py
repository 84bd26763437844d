"""Calls of the last seconds, and what they say together.

Nothing here judges. What is older than the window is forgotten whether or not there
is traffic, so that a fault that is over is over (HEALTH-2).
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MINUTE = 60.0


class Call(NamedTuple):
    """One call that was watched."""

    at: float
    """When it ended, on the window's clock."""
    seconds: float
    error: str
    """Class of the error; empty for a success."""
    status: int
    """HTTP status; 0 where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What the calls in a window say."""

    calls: int
    errors: int
    slow: int
    seconds: tuple[float, ...]
    """Durations, shortest first."""
    error_types: dict[str, int] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    per_minute: float = 0.0

    @property
    def error_rate(self) -> float:
        """Errors per call, 0 to 1."""
        return self.errors / self.calls if self.calls else 0.0

    @property
    def mean(self) -> float:
        """Seconds of a call on average."""
        return math.fsum(self.seconds) / self.calls if self.calls else 0.0

    def quantile(self, part: float) -> float:
        """Return the seconds within which `part` of the calls ended (nearest rank)."""
        if not self.seconds:
            return 0.0
        return self.seconds[max(0, math.ceil(part * len(self.seconds)) - 1)]


class Window:
    """Remembers calls for `seconds`, and at most `size` of them.

    Args:
        seconds: Age at which a call is forgotten.
        size: Calls that are kept; of more, the oldest go first.
        clock: Seconds, never going back.
    """

    def __init__(
        self, seconds: float, size: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.seconds = seconds
        self.total = 0
        """Calls since the start."""
        self.total_errors = 0
        self.consecutive_errors = 0
        self._clock = clock
        self._calls: deque[tuple[float, float, str, int]] = deque(maxlen=size)
        self._last: dict[bool, float] = {}
        self._cache: deque[tuple[float, bool]] = deque(maxlen=size)
        self._lock = threading.Lock()

    def record(self, seconds: float, error: str = "", status: int = 0) -> None:
        """Remember one call."""
        # A plain tuple: watched functions may be called very often.
        call = (self._clock(), seconds, error, status)
        with self._lock:
            self._calls.append(call)
            self.total += 1
            self._last[not error] = call[0]
            if error:
                self.total_errors += 1
                self.consecutive_errors += 1
            else:
                self.consecutive_errors = 0

    def record_cache(self, *, hit: bool) -> None:
        """Remember one look-up in a cache."""
        with self._lock:
            self._cache.append((self._clock(), hit))

    def age_of_last(self, *, success: bool) -> float | None:
        """Return the seconds since the last success or error; None before the first."""
        last = self._last.get(success)
        return None if last is None else self._clock() - last

    def cache(self) -> tuple[int, int]:
        """Return hits and misses."""
        oldest = self._clock() - self.seconds
        with self._lock:
            while self._cache and self._cache[0][0] < oldest:
                self._cache.popleft()
            hits = sum(hit for _, hit in self._cache)
            return hits, len(self._cache) - hits

    def summary(self, slow_after: float | None = None) -> Summary:
        """Return what the calls of the window say.

        Args:
            slow_after: Seconds from which on a call counts as slow.
        """
        now = self._clock()
        with self._lock:
            while self._calls and self._calls[0][0] < now - self.seconds:
                self._calls.popleft()
            full = len(self._calls) == self._calls.maxlen
            calls = tuple(map(Call._make, self._calls))
        failed = [call.error for call in calls if call.error]
        slow = math.inf if slow_after is None else slow_after
        return Summary(
            calls=len(calls),
            errors=len(failed),
            slow=sum(call.seconds >= slow for call in calls),
            seconds=tuple(sorted(call.seconds for call in calls)),
            error_types=dict(Counter(failed).most_common(20)),
            statuses=_statuses(calls),
            per_minute=_per_minute(calls, now, self.seconds, full=full),
        )


def _statuses(calls: Sequence[Call]) -> dict[str, int]:
    families = Counter(f"{call.status // 100}xx" for call in calls if call.status)
    return dict(sorted(families.items()))


def _per_minute(
    calls: Sequence[Call], now: float, seconds: float, *, full: bool
) -> float:
    """Return calls per minute; of a full window, over the time that it reaches back."""
    if not calls:
        return 0.0
    reach = max(now - calls[0].at, 0.001) if full else seconds
    return round(len(calls) * MINUTE / reach, 2)

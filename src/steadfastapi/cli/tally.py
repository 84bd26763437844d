"""What the customers of the demo saw, in numbers that never grow."""

from __future__ import annotations

import statistics
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Literal

Outcome = Literal["ok", "client_error", "limited", "server_error", "aborted"]
OUTCOMES: tuple[Outcome, ...] = (
    "ok",
    "client_error",
    "limited",
    "server_error",
    "aborted",
)

SAMPLES = 2_000
"""Latencies that are kept for each route, the latest."""
RATE_WINDOW = 5.0
"""Seconds over which the current rate is taken."""
MAX_COMPLAINTS = 5

TOO_MANY_REQUESTS = 429
CLIENT_ERROR = 400
SERVER_ERROR = 500


def outcome_of(status: int) -> Outcome:
    """Return how a response with this status counts."""
    if status == TOO_MANY_REQUESTS:
        return "limited"
    if status >= SERVER_ERROR:
        return "server_error"
    return "client_error" if status >= CLIENT_ERROR else "ok"


@dataclass(slots=True)
class Latency:
    """How long one route took, in seconds."""

    count: int = 0
    samples: deque[float] = field(default_factory=lambda: deque(maxlen=SAMPLES))

    def add(self, seconds: float) -> None:
        """Take one more measurement."""
        self.count += 1
        self.samples.append(seconds)

    def quantiles(self) -> tuple[float, float]:
        """Return the median and the 95th percentile of the latest samples."""
        if len(self.samples) < 2:  # noqa: PLR2004
            only = self.samples[0] if self.samples else 0.0
            return only, only
        cuts = statistics.quantiles(self.samples, n=20, method="inclusive")
        return cuts[9], cuts[18]


@dataclass(slots=True)
class Tally:
    """Counts of everything that was sent and of how it was answered."""

    sent: int = 0
    """HTTP requests that left, scrapes excluded: the service does not count those."""
    sockets: int = 0
    """WebSocket connections that were tried."""
    scrapes: int = 0
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    """Error responses by status and detail."""
    error_responses: int = 0
    crashes: int = 0
    """Responses with status 500."""
    hiccups: int = 0
    """Requests during which the database failed."""
    hidden_hiccups: int = 0
    """Those whose client has not noticed."""
    outages: int = 0
    """Of the shipping partner."""
    latencies: dict[str, Latency] = field(default_factory=dict)
    """By method and route template."""
    complaints: Counter[str] = field(default_factory=Counter)
    """What was wrong with the answers, by the check that fails for it."""
    examples: dict[str, list[str]] = field(default_factory=dict)
    """The first complaints of each kind in words."""
    started: float = field(default_factory=time.monotonic)
    ended: float | None = None
    _recent: deque[float] = field(default_factory=deque)

    @property
    def elapsed(self) -> float:
        """Seconds since the first customer came, until the last one left."""
        end = time.monotonic() if self.ended is None else self.ended
        return end - self.started

    def rate(self) -> float:
        """Return the requests a second of the last few seconds."""
        now = time.monotonic()
        while self._recent and self._recent[0] < now - RATE_WINDOW:
            self._recent.popleft()
        window = min(RATE_WINDOW, max(0.5, now - self.started))
        return len(self._recent) / window

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count a response."""
        self.outcomes[outcome_of(status)] += 1
        self.statuses[status] += 1
        self.latencies.setdefault(route, Latency()).add(seconds)
        self._recent.append(time.monotonic())

    def left(self) -> None:
        """Count a response that we did not read to its end."""
        self.outcomes["aborted"] += 1
        self._recent.append(time.monotonic())

    def error(self, status: int, detail: str) -> None:
        """Count an error response by its detail."""
        self.error_responses += 1
        self.crashes += status == SERVER_ERROR
        self.errors[f"{status} {detail}"] += 1

    def complain(self, kind: str, sentence: str) -> None:
        """Note that an answer was not as it must be."""
        self.complaints[kind] += 1
        examples = self.examples.setdefault(kind, [])
        if len(examples) < MAX_COMPLAINTS:
            examples.append(sentence)

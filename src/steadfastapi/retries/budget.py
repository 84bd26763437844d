"""The retry budget: retries are a small share of the calls, whatever happens."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from steadfastapi.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

SLOTS = 10


class RetryBudget:
    """Allow as many retries as a share of the calls of the last seconds, and a few.

    When everything fails, retries make it worse: three attempts are three times the
    load on a backend that is down. With a budget they are at most `ratio` more. Calls
    that went well in the last `window` seconds have filled it, so that a hiccup of a
    second is retried in full.

    Args:
        ratio: Retries per call; 0.1, the default, adds 10 % to a total outage (Google
            SRE, "Handling Overload").
        minimum: Retries per window that are allowed to a process with little traffic,
            of which a share would be none.
        window: Seconds that calls and retries are remembered; Finagle's ten.
        clock: Monotonic seconds; for tests.

    Raises:
        ConfigurationError: A figure is out of its range.
    """

    def __init__(
        self,
        ratio: float = 0.1,
        *,
        minimum: int = 10,
        window: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        problems = []
        if not 0 <= ratio <= 1:
            problems.append(f"RetryBudget(ratio={ratio!r}): write a share from 0 to 1.")
        if minimum < 0:
            problems.append(f"RetryBudget(minimum={minimum!r}): write 0 or more.")
        if not window > 0:
            problems.append(f"RetryBudget(window={window!r}): write seconds above 0.")
        if problems:
            raise ConfigurationError(problems)
        self.ratio = ratio
        self.minimum = minimum
        self.window = window
        self._clock = clock
        self._lock = threading.Lock()
        self.reset()

    def __repr__(self) -> str:
        return (
            f"RetryBudget({self.ratio!r}, minimum={self.minimum!r}, "
            f"window={self.window!r})"
        )

    @property
    def balance(self) -> float:
        """Retries that are allowed now."""
        with self._lock:
            self._advance()
            return max(0.0, self._balance())

    def deposit(self) -> None:
        """Count a call, not an attempt."""
        with self._lock:
            self._advance()
            self._calls[self._slot] += 1
            self._sum_calls += 1

    def withdraw(self) -> bool:
        """Take one retry; False when there is none left."""
        with self._lock:
            self._advance()
            if self._balance() < 1:
                return False
            self._retries[self._slot] += 1
            self._sum_retries += 1
            return True

    def reset(self) -> None:
        """Forget all calls and retries; for tests."""
        with self._lock:
            self._calls = [0] * SLOTS
            self._retries = [0] * SLOTS
            self._sum_calls = self._sum_retries = 0
            self._slot = 0
            self._tick = self._now()

    def _balance(self) -> float:
        return self.minimum + self.ratio * self._sum_calls - self._sum_retries

    def _now(self) -> int:
        return int(self._clock() * SLOTS / self.window)

    def _advance(self) -> None:
        """Forget the slots that have left the window."""
        now = self._now()
        for _ in range(min(now - self._tick, SLOTS)):
            self._slot = (self._slot + 1) % SLOTS
            self._sum_calls -= self._calls[self._slot]
            self._sum_retries -= self._retries[self._slot]
            self._calls[self._slot] = self._retries[self._slot] = 0
        self._tick = now


default_budget = RetryBudget()
"""Shared by everything in this process that names no budget of its own."""


def reset() -> None:
    """Forget what the process has spent; for tests."""
    default_budget.reset()

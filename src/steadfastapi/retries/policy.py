"""What a retry is allowed to do: its figures, and which failures it takes up."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from steadfastapi._guard import guard
from steadfastapi.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from steadfastapi.retries.budget import RetryBudget
    from steadfastapi.retries.database import Verdict
    from steadfastapi.retries.transactions import Work

Kind = Literal["db", "http", "custom"]

ATTEMPTS = 3
"""The default: what the third attempt does not get, the fourth rarely does."""
DEADLINE = 10.0
"""Seconds, the default: longer than that nobody waits for a response."""
BASE = 0.1
CAP = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The settings of one retry; `decorator` documents them for users."""

    kind: Kind
    judge: Callable[[BaseException], Verdict]
    """What another attempt after an error would be."""
    judge_result: Callable[[Any], Verdict] | None = None
    """The same for what was returned, where that can be a failure."""
    hint: Callable[[Any], float] | None = None
    """Seconds that an error or a result asks to wait."""
    attempts: int = ATTEMPTS
    deadline: float | None = DEADLINE
    base: float = BASE
    cap: float = CAP
    idempotent: bool = False
    budget: RetryBudget | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        problems = list(self._problems())
        if problems:
            raise ConfigurationError(problems)

    def _problems(self) -> list[str]:
        found = []
        attempts: Any = self.attempts
        if isinstance(attempts, bool) or not isinstance(attempts, int) or attempts < 1:
            found.append(f"attempts={attempts!r}: write a whole number from 1 on.")
        if self.deadline is not None and not _is_positive(self.deadline):
            found.append(
                f"deadline={self.deadline!r}: write seconds above 0, or None for no "
                "deadline."
            )
        if not _is_positive(self.base) or not _is_positive(self.cap):
            found.append(
                f"base={self.base!r}, cap={self.cap!r}: write seconds above 0."
            )
        return found

    def allows(self, error: BaseException, work: Work | None) -> bool:
        """Return whether an attempt that ended with `error` may be repeated.

        Args:
            error: Never repeated unless it is an `Exception`: cancellation and
                interrupts pass (RETRY-5).
            work: What the attempt did to transactions, if it met any.
        """
        if not isinstance(error, Exception):
            return False
        verdict = guard.call("retries.predicate", self.judge, error)
        return self.permits(verdict or "never", work)

    def allows_result(self, result: Any, work: Work | None) -> bool:
        """Return whether an attempt that returned `result` may be repeated."""
        if self.judge_result is None:
            return False
        verdict = guard.call("retries.predicate", self.judge_result, result)
        return self.permits(verdict or "never", work)

    def permits(self, verdict: Verdict, work: Work | None) -> bool:
        """Return whether a verdict is good enough for what the attempt did."""
        if verdict == "never" or (work is not None and work.foreign):
            return False
        if self.idempotent:
            return True
        if work is not None and work.sent:
            return False  # its effect would be there twice
        if verdict == "unsent":
            return work is not None and work.is_unsent
        return verdict == "safe"

    def wait_of(self, outcome: Any) -> float:
        """Return the seconds that an error or a result asks to wait, 0 without."""
        if self.hint is None:
            return 0.0
        return guard.call("retries.predicate", self.hint, outcome) or 0.0


def _is_positive(value: Any) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and value > 0
    )

"""One call of a retried function: its deadline, its place among others, its report."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal

from steadfastapi import _unavailable
from steadfastapi._counts import counts
from steadfastapi.retries import report
from steadfastapi.retries.transactions import Work
from steadfastapi.signals import RETRY_ATTEMPTS, RETRY_BUDGET_DENIED, RETRY_EXHAUSTED

if TYPE_CHECKING:
    from steadfastapi.retries.policy import Policy
    from steadfastapi.retries.strategies import State

Reason = Literal["attempts", "deadline", "budget"]


class Call:
    """State of one call; its attributes are what a successful one pays for.

    Calls nest without multiplying (RETRY-4): an error that a call further out would
    take up is left to that one, and all of them together make no more attempts than
    the outermost allows.

    Args:
        policy: What it may do.
        operation: Name of the function, for people.
        outer: The call that this one was made in.
    """

    __slots__ = (
        "done",
        "expired",
        "expires",
        "failure",
        "operation",
        "outer",
        "policy",
        "reason",
        "root",
        "spent",
        "started",
        "work",
    )

    def __init__(self, policy: Policy, operation: str, outer: Call | None) -> None:
        while outer is not None and outer.done:
            outer = outer.outer  # a task that outlived the call that started it
        self.policy = policy
        self.operation = operation
        self.outer: Call | None = outer
        self.root: Call = self
        self.started: float = time.monotonic()
        self.spent = 0
        """Retries, those of calls inside included."""
        self.reason: Reason | None = None
        """Why there is no further attempt."""
        self.failure: BaseException | None = None
        """What the attempt before raised."""
        self.work: Work | None = None
        self.done: bool = False
        self.expired = False
        """Whether the deadline has ended an attempt."""
        deadline = policy.deadline
        self.expires = None if deadline is None else self.started + deadline
        budget = policy.budget
        if budget is not None and (outer is None or outer.policy.budget is not budget):
            budget.deposit()
        if outer is None:
            return
        self.root = outer.root
        if outer.expires is not None and (
            self.expires is None or outer.expires < self.expires
        ):
            self.expires = outer.expires

    def new_work(self) -> Work:
        """Begin to record what the attempt does to transactions."""
        self.work = Work()
        return self.work

    def is_left_to_outer(self, error: BaseException) -> bool:
        """Return whether a call further out takes this error up."""
        outer = self.outer
        while outer is not None:
            if not outer.done and outer.policy.allows(error, outer.work):
                return True
            outer = outer.outer
        return False

    def may_repeat(self) -> bool:
        """Return whether the outermost call has attempts left."""
        root = self.root
        return root is self or root.spent < root.policy.attempts - 1

    def is_late(self, wait: float) -> bool:
        """Return whether an attempt after `wait` seconds would miss the deadline."""
        return self.expires is not None and time.monotonic() + wait >= self.expires

    def left(self) -> float | None:
        """Return the seconds until the deadline."""
        return None if self.expires is None else self.expires - time.monotonic()

    def succeeded(self) -> None:
        """Count the attempt that worked."""
        counts.add(RETRY_ATTEMPTS, self.policy.kind, self.operation, "ok")
        if self.root is not self:
            # What worked is over: failures of something else are not its repetition.
            self.root.spent -= self.spent

    def repeats(self, state: State) -> None:
        """Count and report an attempt that another one follows."""
        self.spent += 1
        if self.root is not self:
            self.root.spent += 1
        counts.add(RETRY_ATTEMPTS, self.policy.kind, self.operation, "retry")
        report.retrying(self, state)
        self.reason = None

    def ended(self, attempt: int, error: BaseException | None) -> None:
        """Count the last attempt, and mark an error that time may heal.

        Args:
            attempt: Its number.
            error: What is raised; None when a failure is returned.
        """
        kind = self.policy.kind
        counts.add(RETRY_ATTEMPTS, kind, self.operation, "fail")
        if self.expired:
            self.reason = "deadline"
        if self.reason is None:
            return
        if self.reason == "budget":
            counts.add(RETRY_BUDGET_DENIED, kind)
        else:
            counts.add(RETRY_EXHAUSTED, kind, self.operation, self.reason)
        if error is not None:
            asked = self.policy.wait_of(error)
            _unavailable.mark(error, max(self.policy.cap, asked))
        report.gave_up(self, attempt, error)

    def interrupted(self, error: BaseException) -> None:
        """Count an attempt that cancellation or an interrupt ended."""
        if not isinstance(error, Exception):
            counts.add(RETRY_ATTEMPTS, self.policy.kind, self.operation, "fail")

    def time_out(self) -> TimeoutError:
        """Return the error for an attempt that the deadline ended."""
        self.expired = True
        seconds = (self.expires or self.started) - self.started
        error = TimeoutError(
            f"{self.operation}: no result within the deadline of {seconds:.3g} s, "
            f"which ended attempt {self.spent + 1}."
        )
        error.__cause__, self.failure = self.failure, None
        return error

    def timed_out(self) -> TimeoutError:
        """Return the same, reported."""
        error = self.time_out()
        self.ended(self.spent + 1, error)
        return error

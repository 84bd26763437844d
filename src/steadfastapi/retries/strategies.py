"""Tenacity's strategies, composed: when to retry, how long to wait, when to stop."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    RetryError,
    Retrying,
    retry_all,
    stop_after_attempt,
    wait_none,
    wait_random_exponential,
)
from tenacity.asyncio import retry_all as async_retry_all
from tenacity.retry import retry_base
from tenacity.stop import stop_base
from tenacity.wait import wait_base

from steadfastapi.exceptions import RetryRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenacity.stop import StopBaseT
    from tenacity.wait import WaitBaseT

    from steadfastapi.retries.calls import Call
    from steadfastapi.retries.database import Verdict
    from steadfastapi.retries.policy import Policy


class Switch:
    """What `testing.instant_retries` turns."""

    instant = False
    """No waiting, and no budget."""


class State(RetryCallState):
    """Tenacity's state of a call that knows ours."""

    def __init__(self, call: Call, engine: Engine) -> None:
        super().__init__(engine, None, (), {})
        self.call = call
        self.start_time = call.started


class ByPolicy(retry_base):
    """Retry what the policy takes up, unless a call around this one will."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy

    def __call__(self, retry_state: RetryCallState) -> bool:
        """Return whether the outcome may be repeated."""
        outcome = retry_state.outcome
        call = _call_of(retry_state)
        work = None if call is None else call.work
        if outcome is None:
            return False
        error = outcome.exception()
        if error is None:
            return self.policy.allows_result(outcome.result(), work)
        if call is not None and (call.expired or call.is_left_to_outer(error)):
            return False
        return self.policy.allows(error, work)


class Repeatable(retry_base):
    """Keep a strategy that the user chose from what must not be repeated."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy

    def __call__(self, retry_state: RetryCallState) -> bool:
        """Return whether the outcome may be repeated by anybody's wish."""
        outcome = retry_state.outcome
        call = _call_of(retry_state)
        if outcome is None or call is None:
            return True
        error = outcome.exception()
        if error is not None and (
            not isinstance(error, Exception)
            or call.expired
            or call.is_left_to_outer(error)
        ):
            return False
        return self.policy.permits("safe", call.work)


class Wait(wait_base):
    """Wait as the strategy says, at least as long as the outcome asks for."""

    def __init__(self, inner: WaitBaseT, policy: Policy) -> None:
        self.inner = inner
        self.policy = policy

    def __call__(self, retry_state: RetryCallState) -> float:
        """Return seconds."""
        if Switch.instant:
            return 0.0
        outcome = retry_state.outcome
        asked = 0.0
        if outcome is not None:
            asked = self.policy.wait_of(outcome.exception() or outcome.result())
        return max(self.inner(retry_state), asked)


class Stop(stop_base):
    """Stop as the strategy says, at the deadline, and when the budget is used up."""

    def __init__(self, inner: StopBaseT, policy: Policy) -> None:
        self.inner = inner
        self.policy = policy

    def __call__(self, retry_state: RetryCallState) -> bool:
        """Return whether this was the last attempt."""
        call = _call_of(retry_state)
        if call is None:
            return self.inner(retry_state)
        if self.inner(retry_state) or not call.may_repeat():
            call.reason = "attempts"
        elif call.is_late(retry_state.upcoming_sleep):
            call.reason = "deadline"
        elif not self._withdraw():
            call.reason = "budget"
        return call.reason is not None

    def _withdraw(self) -> bool:
        budget = self.policy.budget
        return Switch.instant or budget is None or budget.withdraw()


def give_up(retry_state: RetryCallState) -> Any:
    """Raise the original error, or return the last result (RETRY-3)."""
    outcome = retry_state.outcome
    if outcome is None or not outcome.failed:
        return None if outcome is None else outcome.result()
    return RetryError(outcome).reraise()


Engine = Retrying | AsyncRetrying


def build(policy: Policy, *, is_async: bool) -> Engine:
    """Return Tenacity's object for a policy."""
    strategies: dict[str, Any] = {
        "stop": Stop(stop_after_attempt(policy.attempts), policy),
        "wait": Wait(
            wait_random_exponential(multiplier=policy.base, max=policy.cap), policy
        ),
        "retry": ByPolicy(policy),
        "retry_error_callback": give_up,
        "reraise": True,
    }
    return AsyncRetrying(**strategies) if is_async else Retrying(**strategies)


def overridden(engine: Engine, policy: Policy, changes: dict[str, Any]) -> Engine:
    """Return the object with strategies of the user in place of ours.

    The deadline, the budget, and what must not be repeated stay.
    """
    changes = dict(changes)
    for name in ("stop", "wait"):
        if inspect.iscoroutinefunction(changes.get(name)):
            raise RetryRefused(f"{name}=: write a sync function of the retry state.")
    if "stop" in changes:
        changes["stop"] = Stop(changes["stop"], policy)
    if "wait" in changes:
        inner = changes["wait"] or wait_none()  # Tenacity takes None and 0
        changes["wait"] = Wait(inner, policy)
    if "retry" in changes:
        together = async_retry_all if isinstance(engine, AsyncRetrying) else retry_all
        changes["retry"] = together(changes["retry"], Repeatable(policy))
    return engine.copy(**changes)


def judge_by(strategy: Any) -> Callable[[BaseException], Verdict]:
    """Return which errors a strategy of the user takes up, for calls further in."""

    def judge(error: BaseException) -> Verdict:
        state = RetryCallState(Retrying(), None, (), {})
        state.set_exception((type(error), error, error.__traceback__))
        taken = strategy(state)
        if inspect.iscoroutine(taken):
            taken.close()  # an async strategy: calls further in look after themselves
            return "never"
        return "safe" if taken else "never"

    return judge


def _call_of(retry_state: RetryCallState) -> Call | None:
    return getattr(retry_state, "call", None)

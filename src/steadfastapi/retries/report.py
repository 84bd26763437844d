"""What people see of retries: a log line, a span event, and Sentry's breadcrumb."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

from steadfastapi._guard import guard

if TYPE_CHECKING:
    from steadfastapi.retries.calls import Call
    from steadfastapi.retries.strategies import State

LOGGER = "steadfastapi.retries"

RETRYING = "attempt failed; retrying"
GAVE_UP = "attempt failed; giving up"
BREAKER = "circuit breaker turned"

_logger = logging.getLogger(LOGGER)


def retrying(call: Call, state: State) -> None:
    """Report an attempt that another one follows."""
    facts = _facts(call, state.attempt_number, _error_of(state))
    facts["wait_ms"] = round(state.upcoming_sleep * 1_000, 1)
    _tell(RETRYING, facts)


def gave_up(call: Call, attempt: int, error: BaseException | None) -> None:
    """Report the last attempt of a call that was not allowed another one."""
    facts = _facts(call, attempt, error)
    facts["reason"] = call.reason
    _tell(GAVE_UP, facts)


def breaker(name: str, state: str) -> None:
    """Report that a circuit breaker has turned."""
    guard.call("retries.report", _log, BREAKER, {"breaker": name, "state": state})


def _error_of(state: State) -> BaseException | None:
    return None if state.outcome is None else state.outcome.exception()


def _facts(call: Call, attempt: int, error: BaseException | None) -> dict[str, Any]:
    """Return the fields; an error's text may hold SQL and secrets, and is none."""
    facts: dict[str, Any] = {
        "retry": call.policy.kind,
        "operation": call.operation,
        "attempt": attempt,
    }
    if error is not None:
        facts["error_type"] = type(error).__name__
        cause = getattr(error, "orig", None) or error
        state = getattr(cause, "sqlstate", None)
        if isinstance(state, str):
            facts["sqlstate"] = state
    return facts


def _tell(event: str, facts: dict[str, Any]) -> None:
    guard.call("retries.report", _breadcrumb, event, facts)
    guard.call("retries.report", _span_event, facts)
    guard.call("retries.report", _log, event, facts)


def _log(event: str, facts: dict[str, Any]) -> None:
    _logger.warning(event, extra=facts)


def _span_event(facts: dict[str, Any]) -> None:
    trace: Any = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return
    span = trace.get_current_span()
    if span.is_recording():
        attributes = {f"retry.{name}": value for name, value in facts.items()}
        span.add_event("retry", attributes)


def _breadcrumb(event: str, facts: dict[str, Any]) -> None:
    sdk: Any = sys.modules.get("sentry_sdk")
    if sdk is None:
        return
    logs: Any = sys.modules.get("sentry_sdk.integrations.logging")
    if logs is not None:
        logs.ignore_logger(LOGGER)  # of the log line it would make a second, poorer one
    sdk.add_breadcrumb(
        type="default",
        category="retry",
        level="warning",
        message=event,
        data=dict(facts),
    )

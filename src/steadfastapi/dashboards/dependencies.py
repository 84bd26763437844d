"""On-call: what the service calls and waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steadfastapi.dashboards.expressions import Expression
from steadfastapi.dashboards.links import to_dashboard, to_runbook
from steadfastapi.dashboards.panels import FULL, Panel, Target
from steadfastapi.dashboards.variables import DEBUG, ON_CALL
from steadfastapi.signals import (
    CIRCUIT_BREAKER_STATE,
    DB_POOL_CONNECTIONS,
    DB_POOL_SIZE,
    DB_POOL_TIMEOUTS,
    DB_POOL_WAIT,
    HEALTH_CHECK_DURATION,
    HEALTH_CHECK_LAST_SUCCESS,
    HEALTH_CHECK_UP,
    HTTP_CLIENT_DURATION,
    RETRY_ATTEMPTS,
    RETRY_BUDGET_DENIED,
    RETRY_EXHAUSTED,
)
from steadfastapi.slo import names

if TYPE_CHECKING:
    from steadfastapi.dashboards.expressions import Queries

_FAILED = {"status": '=~"5..|none"'}
"""An answer of 5xx, or none at all."""
_DEBUG = to_dashboard("Debug", ON_CALL, DEBUG)


def dependencies(q: Queries, runbooks: str) -> tuple[Panel, ...]:
    """Return the panels.

    Args:
        q: In its naming, by instance.
        runbooks: Address of the runbooks.
    """
    return (*_checks(q, runbooks), *_calls(q), *_retries(q, runbooks), *_pool(q))


def _checks(q: Queries, runbooks: str) -> tuple[Panel, ...]:
    down = to_runbook(runbooks, names.HARD_CHECK_DOWN)
    success = q.max(HEALTH_CHECK_LAST_SUCCESS, "check")
    return (
        Panel(
            id=15,
            title="Dependencies",
            description=(
                "What the health checks say, in the worst worker. One that is down "
                "explains errors below: repair it, not the service."
            ),
            kind="state-timeline",
            unit="none",
            targets=(Target(query=q.min(HEALTH_CHECK_UP, "check")),),
            states={1: ("up", "green"), 0: ("down", "red")},
            links=(down,),
        ),
        Panel(
            id=115,
            title="Checks",
            description=(
                "Since when a check has not succeeded, and how long it takes. Slow "
                "before it fails: overload. At once: somebody switched it off."
            ),
            kind="table",
            unit="s",
            targets=(
                Target(
                    query=Expression(f"time() - {success.text}", success.by),
                    legend="Last success ago",
                    ahead=((30.0, "orange"), (120.0, "red")),
                ),
                Target(
                    query=q.quantile(0.95, HEALTH_CHECK_DURATION, "check"),
                    legend="P95",
                ),
            ),
            links=(down,),
        ),
    )


def _calls(q: Queries) -> tuple[Panel, ...]:
    return (
        Panel(
            id=12,
            title="Outbound calls",
            description=(
                "P95 by what is called. Slow: lower its timeout, or open its breaker, "
                "before it takes all workers with it."
            ),
            unit="s",
            targets=(Target(query=q.quantile(0.95, HTTP_CLIENT_DURATION, "target")),),
            low=0.0,
        ),
        Panel(
            id=112,
            title="Failed outbound calls",
            description=(
                "Calls answered with 5xx, or not at all. Tell the owner of what is "
                "called; until then a fallback or a breaker keeps our users out of it."
            ),
            unit="reqps",
            targets=(
                Target(
                    query=q.rate(
                        HTTP_CLIENT_DURATION, "target", part="_count", where=_FAILED
                    )
                ),
            ),
            low=0.0,
            no_value="none failed",
        ),
    )


def _retries(q: Queries, runbooks: str) -> tuple[Panel, ...]:
    return (
        Panel(
            id=13,
            title="Retries",
            description=(
                "Retries that succeed hide a fault from users: find it before they "
                "are used up. Refused by the budget: too much fails to retry at all."
            ),
            unit="ops",
            targets=(
                Target(query=q.rate(RETRY_ATTEMPTS, "kind", "outcome")),
                Target(query=q.rate(RETRY_EXHAUSTED, "kind"), legend="used up"),
                Target(query=q.rate(RETRY_BUDGET_DENIED, "kind"), legend="refused"),
            ),
            links=(_DEBUG,),
            low=0.0,
        ),
        Panel(
            id=14,
            title="Circuit breakers",
            description=(
                "Open: calls fail at once, so that what is called can recover. Look "
                "at it, not at the breaker; it closes by itself."
            ),
            kind="state-timeline",
            unit="none",
            targets=(Target(query=q.max(CIRCUIT_BREAKER_STATE, "breaker")),),
            states={
                0: ("closed", "green"),
                1: ("half-open", "yellow"),
                2: ("open", "red"),
            },
            links=(to_runbook(runbooks, names.CIRCUIT_OPEN),),
        ),
    )


def _pool(q: Queries) -> tuple[Panel, ...]:
    used = q.sum(DB_POOL_CONNECTIONS, "pool", where={"state": '="used"'})
    return (
        Panel(
            id=16,
            title="Database connections in use",
            description=(
                "At 100 % requests wait for each other. Also with little traffic: "
                "sessions are not closed. With a lot: slow statements, see Debug."
            ),
            unit="percentunit",
            targets=(Target(query=used / q.sum(DB_POOL_SIZE, "pool")),),
            steps=FULL,
            links=(_DEBUG,),
            low=0.0,
            high=1.0,
        ),
        Panel(
            id=116,
            title="Wait for a database connection",
            description=(
                "P95. More than some milliseconds: the pool is too small for the "
                "traffic, or connections are kept too long."
            ),
            unit="s",
            targets=(Target(query=q.quantile(0.95, DB_POOL_WAIT, "pool")),),
            links=(_DEBUG,),
            low=0.0,
        ),
        Panel(
            id=216,
            title="No database connection in time",
            description=(
                "Each one is a request that failed. Restarting frees what leaked; "
                "find the session that is never closed."
            ),
            unit="ops",
            targets=(Target(query=q.rate(DB_POOL_TIMEOUTS, "pool")),),
            links=(_DEBUG,),
            low=0.0,
        ),
    )

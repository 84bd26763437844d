"""Debug, lower half: the database, background tasks, limits and retries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steadfastapi.dashboards.links import to_logs
from steadfastapi.dashboards.panels import Panel, Target
from steadfastapi.signals import (
    BACKGROUND_DURATION,
    BACKGROUND_OLDEST,
    BACKGROUND_PENDING,
    BACKGROUND_TASKS,
    DB_OPERATION_DURATION,
    RATE_LIMIT_DECISIONS,
    RATE_LIMIT_FALLBACK,
    RATE_LIMIT_STORAGE_DURATION,
    RATE_LIMIT_STORAGE_ERRORS,
    RETRY_ATTEMPTS,
)

if TYPE_CHECKING:
    from steadfastapi.dashboards.expressions import Queries


def database(q: Queries) -> tuple[Panel, ...]:
    """Return the panels about statements."""
    return (
        Panel(
            id=10,
            title="Time of statements",
            description=(
                "All statements. A band that climbs with the size of a table: an index "
                "is missing."
            ),
            kind="heatmap",
            unit="s",
            targets=(Target(query=q.heat(DB_OPERATION_DURATION)),),
            width=12,
        ),
        Panel(
            id=11,
            title="Slow statements by kind",
            description=(
                "P95. COMMIT: the disk of the database. UPDATE: locks, look for long "
                "transactions. SELECT: its plan; a trace has the statement."
            ),
            unit="s",
            targets=(
                Target(
                    query=q.quantile(0.95, DB_OPERATION_DURATION, "db", "operation")
                ),
            ),
            low=0.0,
            width=12,
        ),
    )


def background(q: Queries) -> tuple[Panel, ...]:
    """Return the panels about tasks that run after the answer."""
    logs = to_logs("Logs of failed tasks", '| detected_level="error"')
    return (
        Panel(
            id=12,
            title="Background tasks, pending",
            description=(
                "Rises and does not fall: more comes than is done. Move the work to a "
                "queue of its own before the memory is full."
            ),
            targets=(Target(query=q.sum(BACKGROUND_PENDING, "task")),),
            links=(logs,),
            low=0.0,
            width=6,
        ),
        Panel(
            id=112,
            title="Background tasks, age of the oldest",
            description=(
                "A straight line upwards is a task that hangs: give what it calls a "
                "timeout."
            ),
            unit="s",
            targets=(Target(query=q.max(BACKGROUND_OLDEST, "task")),),
            steps=((60.0, "yellow"), (300.0, "red")),
            links=(logs,),
            low=0.0,
            width=6,
        ),
        Panel(
            id=212,
            title="Background tasks, done",
            description=(
                "By how they ended. An error here was seen by nobody: the answer had "
                "been sent. Cancelled: the server stopped before they were done."
            ),
            unit="ops",
            targets=(Target(query=q.rate(BACKGROUND_TASKS, "task", "outcome")),),
            links=(logs,),
            low=0.0,
            width=6,
        ),
        Panel(
            id=312,
            title="Background tasks, run time",
            description=(
                "P95. Longer than the grace period of a shutdown: they will be cut off "
                "at every deploy."
            ),
            unit="s",
            targets=(Target(query=q.quantile(0.95, BACKGROUND_DURATION, "task")),),
            links=(logs,),
            low=0.0,
            width=6,
        ),
    )


def limits(q: Queries) -> tuple[Panel, ...]:
    """Return the panels about limits and retries."""
    return (
        Panel(
            id=13,
            title="Rate limits",
            description=(
                "Denied: a client runs wild, or the limit is too low; the log has its "
                "key. fail_open: the storage does not answer."
            ),
            unit="ops",
            targets=(
                Target(query=q.rate(RATE_LIMIT_DECISIONS, "handler", "decision")),
                Target(
                    query=q.rate(RATE_LIMIT_STORAGE_ERRORS),
                    legend="no answer of the storage",
                ),
            ),
            low=0.0,
        ),
        Panel(
            id=113,
            title="Storage of the limits",
            description=(
                "P99 of a decision; empty without REDIS_URL. Near 50 ms, after which "
                "each worker decides for itself: Redis is far away or overloaded."
            ),
            unit="s",
            targets=(
                Target(query=q.quantile(0.99, RATE_LIMIT_STORAGE_DURATION, "storage")),
            ),
            steps=((0.025, "yellow"), (0.05, "red")),
            low=0.0,
            no_value="no shared storage",
        ),
        Panel(
            id=213,
            title="Limits without storage",
            description=(
                "By each alone: workers grant their share each, so that one client is "
                "refused early, and several machines allow more. Bring Redis back."
            ),
            kind="state-timeline",
            unit="none",
            targets=(Target(query=q.max(RATE_LIMIT_FALLBACK), legend="limits"),),
            states={0: ("kept", "green"), 1: ("by each alone", "red")},
        ),
        Panel(
            id=14,
            title="Retries by operation",
            description=(
                "Attempts by how they ended. Many retries of one function: it calls "
                "what is ill, or is not idempotent enough to be retried at all."
            ),
            kind="table",
            unit="ops",
            targets=(
                Target(
                    query=q.rate(RETRY_ATTEMPTS, "kind", "operation", "outcome"),
                    legend="Attempts/s",
                ),
            ),
            links=(to_logs("Logs of retries", '|= "attempt failed"'),),
            width=24,
        ),
    )

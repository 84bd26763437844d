"""On-call: the processes of the service, and whether their figures can be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steadfastapi.dashboards.expressions import IN_RANGE, Expression
from steadfastapi.dashboards.links import to_dashboard, to_logs, to_runbook
from steadfastapi.dashboards.panels import FULL, Panel, Target
from steadfastapi.dashboards.resources import collector, resources
from steadfastapi.dashboards.variables import DEBUG, ON_CALL
from steadfastapi.signals import (
    APP_INFO,
    APP_START_TIME,
    EVENT_LOOP_BLOCKED,
    EVENT_LOOP_LAG,
    EVENT_LOOP_LAG_MAX,
    INBOX_EVENTS,
    INTERNAL_ERRORS,
    LABEL_OVERFLOW,
    LOG_EVENTS,
    TELEMETRY_DROPPED,
    THREADPOOL_CAPACITY,
    THREADPOOL_USED,
    THREADPOOL_WAITING,
    WORKER_UP,
)
from steadfastapi.slo import names

if TYPE_CHECKING:
    from steadfastapi.dashboards.expressions import Queries

_DEBUG = to_dashboard("Debug", ON_CALL, DEBUG)
_CULPRIT = to_logs("What blocked it", '|= "the event loop is blocked"')


def process(q: Queries) -> tuple[Panel, ...]:
    """Return the panels about workers, in the scope of the dashboard."""
    return (*_loop(q), *_threads(q), *resources(q), *collector(q), *_workers(q))


def _loop(q: Queries) -> tuple[Panel, ...]:
    return (
        Panel(
            id=17,
            title="Event loop lag",
            description=(
                "How late everything is. Above 0.1 s: something blocks the loop; the "
                'log has the line of code, as "the event loop is blocked".'
            ),
            unit="s",
            targets=(
                Target(query=q.quantile(0.99, EVENT_LOOP_LAG), legend="P99"),
                Target(query=q.max(EVENT_LOOP_LAG_MAX, "instance"), legend="longest"),
            ),
            steps=((0.1, "orange"), (0.5, "red")),
            lines=True,
            links=(_DEBUG, _CULPRIT),
            low=0.0,
        ),
        Panel(
            id=117,
            title="Event loop blocked",
            description=(
                "Share of the time in which no request went on. Move the call to a "
                "thread, or make it asynchronous."
            ),
            unit="percentunit",
            targets=(Target(query=q.rate(EVENT_LOOP_BLOCKED, "instance")),),
            steps=((0.02, "yellow"), (0.1, "red")),
            links=(_DEBUG, _CULPRIT),
            low=0.0,
        ),
    )


def _threads(q: Queries) -> tuple[Panel, ...]:
    used = q.sum(THREADPOOL_USED, "instance")
    return (
        Panel(
            id=18,
            title="Thread pool",
            description=(
                "Threads for sync endpoints that are in use. At 100 % they wait for "
                "each other: find the slow one, or raise the number of threads."
            ),
            unit="percentunit",
            targets=(Target(query=used / q.sum(THREADPOOL_CAPACITY, "instance")),),
            steps=FULL,
            low=0.0,
            high=1.0,
        ),
        Panel(
            id=118,
            title="Waiting for a thread",
            description=(
                "Sync endpoints that have not begun. Any for longer than a moment: "
                "their requests are slow, whatever they do."
            ),
            targets=(Target(query=q.sum(THREADPOOL_WAITING, "instance")),),
            low=0.0,
        ),
    )


def _workers(q: Queries) -> tuple[Panel, ...]:
    started = q.select(APP_START_TIME)
    restarts = Expression(
        f"sum by (instance) (changes({started}[{IN_RANGE}]))", ("instance",)
    )
    return (
        Panel(
            id=23,
            title="Workers",
            description=(
                "Processes that serve. Fewer than were started: one has died; its last "
                "lines in the log say of what."
            ),
            kind="stat",
            unit="locale",
            decimals=0,
            targets=(Target(query=q.sum(WORKER_UP, "instance")),),
            width=4,
        ),
        Panel(
            id=123,
            title="Restarts in range",
            description=(
                "Without a deploy: it was killed. Out of memory, or the health check "
                "found it dead; see Memory."
            ),
            kind="stat",
            unit="locale",
            decimals=0,
            targets=(Target(query=restarts),),
            steps=((1.0, "orange"), (3.0, "red")),
            width=4,
        ),
        Panel(
            id=24,
            title="Versions",
            description=(
                "What runs, and on how many instances. Two versions for long: a deploy "
                "hangs. Errors of the newer one only: roll it back."
            ),
            kind="table",
            targets=(
                Target(
                    query=q.count(APP_INFO, "version", "revision", "fastapi"),
                    legend="Instances",
                ),
            ),
        ),
    )


def telemetry(q: Queries, runbooks: str) -> tuple[Panel, ...]:
    """Return the panels about logs, and about what never arrived."""
    return (
        Panel(
            id=26,
            title="Log lines by level",
            description=(
                "Errors without 5xx: background tasks. Ten times as many lines as "
                "before: somebody logs in a loop, and the log may fill a disk."
            ),
            unit="ops",
            targets=(Target(query=q.rate(LOG_EVENTS, "level")),),
            links=(to_logs("Logs"),),
            stacked=True,
            low=0.0,
            width=12,
        ),
        Panel(
            id=25,
            title="Health of the telemetry",
            description=(
                "What steadfastapi kept from the application, and what did not reach "
                "its backend. Not 0: traces, logs or errors are missing elsewhere."
            ),
            kind="table",
            unit="locale",
            decimals=0,
            targets=(
                Target(
                    query=q.increase(INTERNAL_ERRORS, "component"),
                    legend="Internal errors",
                ),
                Target(query=q.increase(INBOX_EVENTS, "outcome"), legend="Inbox"),
                Target(
                    query=q.increase(TELEMETRY_DROPPED, "sink", "reason"),
                    legend="Dropped",
                    ahead=((1.0, "orange"),),
                ),
                Target(
                    query=q.increase(LABEL_OVERFLOW, "family"), legend="Label overflow"
                ),
            ),
            links=tuple(
                to_runbook(runbooks, alert, about)
                for alert, about in (
                    (names.INTERNAL_ERRORS, "Internal errors"),
                    (names.TELEMETRY_DROPPED, "Dropped"),
                    (names.INBOX_DROPPING, "Inbox"),
                )
            ),
            width=12,
        ),
    )

"""For those who answer for a service: thirty days of promises and traffic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steadfastapi.dashboards.board import Board
from steadfastapi.dashboards.expressions import IN_RANGE, Expression
from steadfastapi.dashboards.links import to_dashboard
from steadfastapi.dashboards.panels import Panel, Row, Target
from steadfastapi.dashboards.promises import promises
from steadfastapi.dashboards.variables import EXECUTIVE, ON_CALL
from steadfastapi.signals import (
    APP_START_TIME,
    BUSINESS_EVENTS,
    HTTP_ABORTED,
    HTTP_REQUEST_DURATION,
    HTTP_REQUESTS,
    RATE_LIMIT_DECISIONS,
)

if TYPE_CHECKING:
    from steadfastapi.dashboards.expressions import Queries

SATISFIED = 0.25
"""Seconds within which an answer satisfies; four times as long is tolerable."""
ERRORS = {"status": '=~"5.."'}
SUCCESS = {"status": '!~"5.."'}


def build(queries: Queries, runbooks: str) -> Board:
    """Return the dashboard.

    Args:
        queries: In its naming, without instances.
        runbooks: Address of the runbooks.
    """
    return Board(
        uid=EXECUTIVE,
        title="steadfastapi: executive",
        description=(
            "Whether the service keeps its promises, for people who decide what is "
            "worked on next."
        ),
        since="now-30d",
        refresh="5m",
        links=(to_dashboard("On-call", EXECUTIVE, ON_CALL),),
        rows=(
            Row(901, "Are the promises kept?", promises(queries, runbooks)),
            Row(902, "Who comes, and how are they served?", _traffic(queries)),
            Row(903, "What happened?", _history(queries)),
        ),
    )


def _traffic(q: Queries) -> tuple[Panel, ...]:
    return (
        Panel(
            id=7,
            title="Traffic",
            description=(
                "Requests a second. A drop without a drop in errors means that "
                "requests do not arrive: look at what is in front of the service."
            ),
            unit="reqps",
            targets=(Target(query=q.rate(HTTP_REQUESTS), legend="requests"),),
            low=0.0,
            width=12,
        ),
        Panel(
            id=107,
            title="Requests in range",
            description=(
                "All requests of the range that is shown. Compare with the turned away "
                "beside it before you call a number of errors high."
            ),
            kind="stat",
            unit="locale",
            decimals=0,
            targets=(Target(query=q.increase(HTTP_REQUESTS), legend="requests"),),
            width=4,
        ),
        Panel(
            id=9,
            title="Apdex",
            description=(
                "Of all requests: those within 0.25 s, and half of those within 1 s. "
                "Below 0.85 people notice; On-call shows which routes."
            ),
            kind="stat",
            unit="none",
            targets=(Target(query=_apdex(q), legend="apdex"),),
            steps=((0.7, "orange"), (0.85, "green")),
            falling=True,
            low=0.0,
            high=1.0,
            width=4,
        ),
        Panel(
            id=14,
            title="Users turned away",
            description=(
                "Requests that failed, that their users gave up, and that a limit "
                "refused. Many refusals: a client runs wild, or the limit is too low."
            ),
            kind="stat",
            unit="locale",
            decimals=0,
            targets=(
                Target(query=q.increase(HTTP_REQUESTS, where=ERRORS), legend="failed"),
                Target(query=q.increase(HTTP_ABORTED), legend="given up"),
                Target(
                    query=q.increase(
                        RATE_LIMIT_DECISIONS, where={"decision": '="denied"'}
                    ),
                    legend="refused",
                ),
            ),
            width=4,
        ),
        Panel(
            id=8,
            title="Slowest twentieth of requests",
            description=(
                "95 of 100 requests are faster. Well above the last week: look for the "
                "deploy at which it rose."
            ),
            unit="s",
            targets=(
                Target(query=q.quantile(0.95, HTTP_REQUEST_DURATION), legend="now"),
                Target(
                    query=q.quantile(0.95, HTTP_REQUEST_DURATION, offset="7d"),
                    legend="a week ago",
                ),
            ),
            low=0.0,
            width=24,
            mark="P30",
        ),
    )


def _history(q: Queries) -> tuple[Panel, ...]:
    event = q.labels(BUSINESS_EVENTS, ["event"])
    pages = 'ALERTS_FOR_STATE{job=~"$job",severity="page"}'
    started = q.min(APP_START_TIME, "version", "revision")
    return (
        Panel(
            id=10,
            title="Pages in range",
            description=(
                "How often somebody was woken up. More than two a week: repair causes, "
                "or the alerts."
            ),
            kind="stat",
            unit="locale",
            decimals=0,
            targets=(
                Target(
                    query=Expression(
                        f"sum(changes({pages}[{IN_RANGE}]) + 1) or vector(0)"
                    ),
                    legend="pages",
                ),
            ),
            steps=((1.0, "orange"), (9.0, "red")),
            width=4,
        ),
        Panel(
            id=11,
            title="Deploys in range",
            description=(
                "Versions that started in the range that is shown. Compare their times "
                "with steps in the burn-down."
            ),
            kind="table",
            unit="dateTimeAsIso",
            targets=(
                Target(
                    query=Expression(
                        f"{started.text} * 1000 >= ${{__from}}", started.by
                    ),
                    legend="Started",
                ),
            ),
            width=8,
        ),
        Panel(
            id=12,
            title="Business events in range",
            description=(
                "What the application counts with count_event(). Fewer of them at the "
                "same traffic: something fails that is no error to the server."
            ),
            kind="stat",
            unit="locale",
            decimals=0,
            targets=(Target(query=q.increase(BUSINESS_EVENTS, *event)),),
            width=4,
        ),
        Panel(
            id=112,
            title="Business events",
            description=(
                "The same over time. A change at a deploy that traffic does not have "
                "is the deploy's."
            ),
            unit="cps",
            targets=(Target(query=q.rate(BUSINESS_EVENTS, *event)),),
            low=0.0,
            width=8,
        ),
    )


def _apdex(q: Queries) -> Expression:
    def within(seconds: float) -> str:
        where = {"le": f'="{seconds}"', **SUCCESS}
        return q.increase(HTTP_REQUEST_DURATION, part="_bucket", where=where).text

    count = q.increase(HTTP_REQUEST_DURATION, part="_count").text
    good = f"({within(SATISFIED)} + {within(4 * SATISFIED)})"
    return Expression(f"{good} / 2 / {count}")

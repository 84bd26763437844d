"""On-call, upper half: what the users of the service notice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steadfastapi.dashboards.expressions import positive, top
from steadfastapi.dashboards.links import (
    cell,
    series_label,
    to_dashboard,
    to_logs,
)
from steadfastapi.dashboards.panels import Panel, Target
from steadfastapi.dashboards.variables import DEBUG, ON_CALL
from steadfastapi.signals import (
    HTTP_ABORTED,
    HTTP_EXCEPTIONS,
    HTTP_IN_PROGRESS,
    HTTP_REQUEST_DURATION,
    HTTP_REQUESTS,
    RATE_LIMIT_DECISIONS,
)

if TYPE_CHECKING:
    from steadfastapi.dashboards.expressions import Queries
    from steadfastapi.dashboards.links import Link

ERRORS = {"status": '=~"5.."'}


def error_logs() -> Link:
    """Lead to the error lines of the time that is shown."""
    return to_logs("Error logs", '| detected_level=~"error|critical"')


def _debug() -> Link:
    return to_dashboard("Debug", ON_CALL, DEBUG)


def _debug_route(q: Queries, *, in_table: bool = False) -> Link:
    label = q.labels(HTTP_REQUESTS, ["handler"])[0]
    value = cell(label) if in_table else series_label(label)
    return to_dashboard("Debug this route", ON_CALL, DEBUG, {"route": value})


def symptoms(q: Queries) -> tuple[Panel, ...]:
    """Return errors and latency of the whole service."""
    ratio = q.rate(HTTP_REQUESTS, where=ERRORS) / q.rate(HTTP_REQUESTS)
    return (
        Panel(
            id=2,
            title="Error ratio",
            description=(
                "Share of requests answered with 5xx. From a deploy on: roll back. On "
                "one route: its error logs. On all: look at what the service calls."
            ),
            unit="percentunit",
            targets=(Target(query=ratio, legend="errors"),),
            steps=((0.001, "yellow"), (0.01, "orange"), (0.05, "red")),
            links=(_debug(), error_logs()),
            low=0.0,
            no_value="no traffic",
        ),
        Panel(
            id=3,
            title="Latency",
            description=(
                "Only P99 is high: a few slow requests, open one of the traces that "
                "are marked. P50 too: everything waits, see the process below."
            ),
            unit="s",
            targets=tuple(
                Target(
                    query=q.quantile(rank, HTTP_REQUEST_DURATION),
                    legend=legend,
                    exemplar=True,
                )
                for rank, legend in ((0.5, "P50"), (0.95, "P95"), (0.99, "P99"))
            ),
            links=(_debug(),),
            low=0.0,
        ),
        Panel(
            id=4,
            title="Latency, all requests",
            description=(
                "Two bands are two kinds of requests, or a cache that misses. A new "
                "band at the top: something times out, and its height says after what."
            ),
            kind="heatmap",
            unit="s",
            targets=(Target(query=q.heat(HTTP_REQUEST_DURATION), exemplar=True),),
            links=(_debug(),),
        ),
        Panel(
            id=8,
            title="Answers by class",
            description=(
                "5xx is ours. Many 4xx after a deploy: clients were not told of a "
                "change. Denied: a limit. Aborted: users gave up, so look at latency."
            ),
            unit="reqps",
            targets=(
                Target(query=q.rate(HTTP_REQUESTS, "status")),
                Target(
                    query=q.rate(RATE_LIMIT_DECISIONS, where={"decision": '="denied"'}),
                    legend="denied by a limit",
                ),
                Target(query=q.rate(HTTP_ABORTED), legend="aborted by the client"),
            ),
            links=(_debug(),),
            stacked=True,
            low=0.0,
        ),
        Panel(
            id=10,
            title="Requests in flight",
            description=(
                "Rises while traffic does not: requests wait for something. Look at "
                "the pools and at the event loop. On one instance only: restart it."
            ),
            targets=(Target(query=q.sum(HTTP_IN_PROGRESS, "instance")),),
            low=0.0,
        ),
        Panel(
            id=7,
            title="Traffic by route",
            description=(
                "The ten busiest. One that grows alone: a client that repeats itself. "
                "All of them gone: look at what is in front of the service."
            ),
            unit="reqps",
            targets=(Target(query=top(10, q.rate(HTTP_REQUESTS, "handler"))),),
            links=(_debug_route(q),),
            low=0.0,
        ),
    )


def where(q: Queries) -> tuple[Panel, ...]:
    """Return errors and latency by route."""
    return (
        Panel(
            id=6,
            title="Errors by route",
            description=(
                "5xx answers. One route: what it does alone. All routes: what they "
                "share, the database first."
            ),
            unit="reqps",
            targets=(
                Target(
                    query=positive(
                        q.rate(HTTP_REQUESTS, "handler", "method", where=ERRORS)
                    )
                ),
            ),
            links=(_debug_route(q), error_logs()),
            low=0.0,
            no_value="no errors",
        ),
        Panel(
            id=5,
            title="Slowest routes",
            description=(
                "P95 of the ten slowest. A click opens the route in Debug, with its "
                "traces and its statements."
            ),
            unit="s",
            targets=(
                Target(
                    query=top(10, q.quantile(0.95, HTTP_REQUEST_DURATION, "handler"))
                ),
            ),
            links=(_debug_route(q),),
            low=0.0,
        ),
        Panel(
            id=9,
            title="Top errors",
            description=(
                "Exceptions behind the 5xx, by type and route. The first line is where "
                "to begin; its lines in the log have the traceback."
            ),
            kind="table",
            unit="locale",
            decimals=0,
            targets=(
                Target(
                    query=top(
                        20, positive(q.increase(HTTP_EXCEPTIONS, "type", "handler"))
                    ),
                    legend="Count",
                ),
            ),
            links=(_debug_route(q, in_table=True), error_logs()),
            options={"sortBy": [{"displayName": "Count", "desc": True}]},
            no_value="no exceptions",
        ),
    )

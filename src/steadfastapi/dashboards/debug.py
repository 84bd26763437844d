"""For whoever repairs it: one route, one trace, one statement at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steadfastapi.dashboards.beside import errors_told, sockets
from steadfastapi.dashboards.board import Board
from steadfastapi.dashboards.evidence import requests
from steadfastapi.dashboards.inner import background, database, limits
from steadfastapi.dashboards.links import cell, to_dashboard, to_logs
from steadfastapi.dashboards.panels import Panel, Row, Target
from steadfastapi.dashboards.variables import DEBUG, EXECUTIVE, ON_CALL
from steadfastapi.signals import (
    HTTP_ABORTED,
    HTTP_REQUEST_DURATION,
    HTTP_REQUEST_SIZE,
    HTTP_REQUESTS,
    HTTP_RESPONSE_SIZE,
    HTTP_RESPONSE_START,
)

if TYPE_CHECKING:
    from steadfastapi.dashboards.expressions import Expression, Queries
    from steadfastapi.signals import Family

ERRORS = {"status": '=~"5.."'}
ROUTE = {"handler": '=~"$route"'}


def build(queries: Queries) -> Board:
    """Return the dashboard, in the naming of `queries`, by instance."""
    return Board(
        uid=DEBUG,
        title="steadfastapi: debug",
        description=(
            "Why it is slow or broken: choose a route in the table, a trace in the "
            "list, and read its lines."
        ),
        since="now-1h",
        refresh="30s",
        links=(
            to_dashboard("On-call", DEBUG, ON_CALL),
            to_dashboard("Executive", DEBUG, EXECUTIVE),
        ),
        rows=(
            Row(901, "Which route?", _routes(queries)),
            Row(902, "Which request?", requests()),
            Row(903, "How does it answer?", _answers(queries)),
            Row(904, "Where does the time go?", database(queries)),
            Row(905, "What runs after the answer?", background(queries)),
            Row(906, "What is held back?", limits(queries)),
            Row(907, "Who stays connected?", sockets(queries)),
            Row(908, "Which errors were told?", errors_told(queries)),
        ),
    )


def _routes(q: Queries) -> tuple[Panel, ...]:
    handler = q.labels(HTTP_REQUESTS, ["handler"])[0]
    quantiles = ((0.5, "P50"), (0.95, "P95"), (0.99, "P99"))
    return (
        Panel(
            id=6,
            title="Routes",
            description=(
                "A click on a line shows only this route everywhere below. Begin with "
                "the one that fails most, or with the highest P95."
            ),
            kind="table",
            unit="s",
            targets=(
                Target(
                    query=q.rate(HTTP_REQUESTS, "handler"),
                    legend="Requests/s",
                    unit="reqps",
                ),
                Target(
                    query=q.rate(HTTP_REQUESTS, "handler", where=ERRORS),
                    legend="Errors/s",
                    unit="reqps",
                    ahead=((0.001, "red"),),
                ),
                *(
                    Target(
                        query=q.quantile(rank, HTTP_REQUEST_DURATION, "handler"),
                        legend=legend,
                    )
                    for rank, legend in quantiles
                ),
            ),
            links=(to_dashboard("This route", DEBUG, DEBUG, {"route": cell(handler)}),),
            options={"sortBy": [{"displayName": "P95", "desc": True}]},
            width=12,
            height=10,
        ),
        Panel(
            id=7,
            title="Latency of the route",
            description=(
                "Every request of the chosen routes. Two bands: two cases behind one "
                "path; compare a trace of each."
            ),
            kind="heatmap",
            unit="s",
            targets=(
                Target(query=q.heat(HTTP_REQUEST_DURATION, where=ROUTE), exemplar=True),
            ),
            width=12,
            height=10,
        ),
    )


def _answers(q: Queries) -> tuple[Panel, ...]:
    return (
        Panel(
            id=8,
            title="First byte of streams",
            description=(
                "P95 until a stream begins. Slow here but not in the total: the answer "
                "waits for its first row; stream earlier."
            ),
            unit="s",
            targets=(
                Target(
                    query=q.quantile(0.95, HTTP_RESPONSE_START, "handler", where=ROUTE)
                ),
            ),
            low=0.0,
        ),
        Panel(
            id=9,
            title="Aborted by the client",
            description=(
                "Before the answer: it took too long for somebody. While streaming: "
                "the client had enough, or the line broke."
            ),
            unit="reqps",
            targets=(Target(query=q.rate(HTTP_ABORTED, "phase", where=ROUTE)),),
            links=(to_logs("Logs of aborted requests", '| outcome="aborted"'),),
            low=0.0,
        ),
        Panel(
            id=15,
            title="Size of answers",
            description=(
                "Mean by route. One that grows week by week needs pages; one of "
                "megabytes needs a stream."
            ),
            unit="bytes",
            targets=(Target(query=_mean(q, HTTP_RESPONSE_SIZE)),),
            low=0.0,
        ),
        Panel(
            id=115,
            title="Size of requests",
            description=(
                "Mean by route. Large ones: lower the cap of bodies, or take the file "
                "elsewhere."
            ),
            unit="bytes",
            targets=(Target(query=_mean(q, HTTP_REQUEST_SIZE)),),
            low=0.0,
        ),
    )


def _mean(q: Queries, family: Family) -> Expression:
    total = q.rate(family, "handler", part="_sum")
    return total / q.rate(family, "handler", part="_count")

"""For whoever was paged: the last hour, from symptoms to causes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steadfastapi.dashboards.board import Board
from steadfastapi.dashboards.dependencies import dependencies
from steadfastapi.dashboards.links import to_dashboard
from steadfastapi.dashboards.paging import alerts
from steadfastapi.dashboards.panels import Row
from steadfastapi.dashboards.process import process, telemetry
from steadfastapi.dashboards.symptoms import symptoms, where
from steadfastapi.dashboards.variables import DEBUG, EXECUTIVE, ON_CALL

if TYPE_CHECKING:
    from steadfastapi.dashboards.expressions import Queries


def build(queries: Queries, runbooks: str) -> Board:
    """Return the dashboard.

    Args:
        queries: In its naming, by instance.
        runbooks: Address of the runbooks.
    """
    return Board(
        uid=ON_CALL,
        title="steadfastapi: on-call",
        description=(
            "What an on-call engineer opens first: is it broken, for whom, and which "
            "part is it. From top to bottom, symptoms come before causes."
        ),
        since="now-1h",
        refresh="30s",
        links=(
            to_dashboard("Debug", ON_CALL, DEBUG),
            to_dashboard("Executive", ON_CALL, EXECUTIVE),
        ),
        rows=(
            Row(901, "Is somebody to be told?", alerts(queries, runbooks)),
            Row(902, "Is it broken?", symptoms(queries)),
            Row(903, "For whom?", where(queries)),
            Row(904, "Is it something that we call?", dependencies(queries, runbooks)),
            Row(905, "Is it the process?", process(queries)),
            Row(906, "Can these figures be trusted?", telemetry(queries, runbooks)),
        ),
    )

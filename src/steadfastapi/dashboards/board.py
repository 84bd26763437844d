"""A whole dashboard, and its JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steadfastapi.dashboards.render import panels_of
from steadfastapi.dashboards.variables import marks, variables

if TYPE_CHECKING:
    from steadfastapi.dashboards.expressions import Queries
    from steadfastapi.dashboards.links import Link
    from steadfastapi.dashboards.panels import Row
    from steadfastapi.dashboards.variables import Uid

TAG = "steadfastapi"
SCHEMA_VERSION = 42
"""The last one of classic JSON, which Grafana 13 still provisions."""
_SHARED_CROSSHAIR = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One dashboard.

    Args:
        uid: Its address, the same in every release.
        title: Its name in the list of dashboards.
        description: Who it is for.
        since: Start of the range that it opens with, e.g. `now-1h`.
        refresh: How often it asks again, e.g. `30s`.
        rows: Its panels.
        links: In the heading of every panel.
    """

    uid: Uid
    title: str
    description: str
    since: str
    refresh: str
    rows: tuple[Row, ...]
    links: tuple[Link, ...] = ()

    def data(self, queries: Queries, job: str = "") -> dict[str, Any]:
        """Return the dashboard as Grafana wants it.

        Args:
            queries: In its naming and scope.
            job: The job that is shown at first; all of them if empty.
        """
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "tags": [TAG],
            "editable": False,
            "graphTooltip": _SHARED_CROSSHAIR,
            "schemaVersion": SCHEMA_VERSION,
            "timezone": "browser",
            "time": {"from": self.since, "to": "now"},
            "refresh": self.refresh,
            "links": [_siblings()],
            "templating": {"list": variables(self.uid, queries, job)},
            "annotations": {"list": marks(queries)},
            "panels": panels_of(self.rows, self.links),
        }


def _siblings() -> dict[str, Any]:
    """Return the list of our dashboards that stands at the top of each."""
    return {
        "type": "dashboards",
        "title": "Dashboards of this service",
        "tags": [TAG],
        "asDropdown": False,
        "includeVars": True,
        "keepTime": True,
        "targetBlank": False,
    }

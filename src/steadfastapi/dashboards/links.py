"""Where clicks lead: another dashboard, the logs, a runbook."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from steadfastapi.dashboards.variables import LOKI, TEMPO, variable_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steadfastapi.dashboards.variables import Uid

_PLACEHOLDER = re.compile(r"(\$\{[^}]+\})")


@dataclass(frozen=True, slots=True)
class Link:
    """A link of a panel or of its values.

    Args:
        title: What one finds there.
        url: With Grafana's placeholders.
        new_tab: Whether the dashboard stays open beside it.
    """

    title: str
    url: str
    new_tab: bool = False


def series_label(label: str) -> str:
    """Return the placeholder for a label of the series that was clicked."""
    return f"${{__field.labels.{label}}}"


def cell(column: str) -> str:
    """Return the placeholder for another cell of the line that was clicked."""
    return f"${{__data.fields.{column}}}"


def to_dashboard(
    title: str, source: Uid, target: Uid, values: Mapping[str, str] | None = None
) -> Link:
    """Lead to another dashboard, with the same range of time and variables.

    Args:
        title: What one finds there.
        source: The dashboard that has the link.
        target: The one that it leads to.
        values: Variables of the target, and what to set them to.
    """
    values = values or {}
    shared = [
        name
        for name in variable_names(source)
        if name in variable_names(target) and name not in values
    ]
    parts = ["${__url_time_range}", *(f"${{{name}:queryparam}}" for name in shared)]
    parts += [f"var-{name}={value}" for name, value in values.items()]
    return Link(title, f"/d/{target}?{'&'.join(parts)}")


def to_logs(title: str, *filters: str) -> Link:
    """Lead to the log lines of the services and the time that are shown.

    Args:
        title: What one finds there.
        *filters: LogQL behind the selector of the service.
    """
    query = " ".join(['{service_name=~"${job:regex}"}', *filters])
    return _explore(title, LOKI, {"expr": query})


def to_trace(title: str, trace_id: str) -> Link:
    """Lead to one trace.

    Args:
        title: What one finds there.
        trace_id: Placeholder that holds its id.
    """
    return _explore(title, TEMPO, {"queryType": "traceql", "query": trace_id})


def to_runbook(base: str, alert: str, about: str = "") -> Link:
    """Lead to what to do about an alert.

    Args:
        base: Address of the runbooks, without a slash at its end; if empty, Grafana's
            page of the alert, which links to the runbook that the rule names.
        alert: Its name, or a placeholder that holds it.
        about: What it is about, where a panel has several.
    """
    start = f"{about}: " if about else ""
    if not base:
        title = f"{start}Alert and its runbook"
        return Link(title, f"/alerting/list?search={alert}")
    return Link(f"{start}Runbook", f"{base}/{alert}.md", new_tab=True)


def _explore(title: str, source: str, query: dict[str, str]) -> Link:
    reference = {"type": source.removesuffix("_datasource"), "uid": f"${{{source}}}"}
    pane = {
        "datasource": reference["uid"],
        "queries": [{"refId": "A", "datasource": reference, **query}],
        "range": {"from": "${__from}", "to": "${__to}"},
    }
    panes = json.dumps({"a": pane}, separators=(",", ":"))
    # Grafana fills in what it finds as it stands: a placeholder must not be quoted.
    quoted = "".join(
        part if _PLACEHOLDER.fullmatch(part) else quote(part, safe="")
        for part in _PLACEHOLDER.split(panes)
    )
    return Link(title, f"/explore?schemaVersion=1&panes={quoted}", new_tab=True)

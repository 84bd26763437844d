"""Where every link of a dashboard must lead."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from steadfastapi.slo import names
from support.boards import BOARDS, Board
from support.promql import labels_of, parse

if TYPE_CHECKING:
    from support.board_rules import Rule

Found = Iterator[tuple[str, str]]

_PLACEHOLDER = re.compile(r"\$\{([^}:]+)(?::\w+)?\}")
_OWN = ("__url_time_range", "__from", "__to")
TRACE_COLUMNS = {"traceID", "trace_id"}
"""What Tempo's table of traces, and a log line, have."""


def _links(board: Board) -> Iterator[tuple[str, dict[str, Any], str]]:
    for panel in board.panels:
        links = [*panel.get("links", ()), *panel["fieldConfig"]["defaults"]["links"]]
        for link in links:
            yield str(panel["id"]), panel, link["url"]


def dashboards_exist(board: Board) -> Found:
    """A dashboard that is linked is ours, and has the variables that are set."""
    variables = {one.uid: one.variables for one in BOARDS}
    for place, _, url in _links(board):
        if not url.startswith("/d/"):
            continue
        uid, _, query = url.removeprefix("/d/").partition("?")
        if uid not in variables:
            yield place, f"there is no dashboard {uid}"
            continue
        passed = re.findall(r"\$\{(\w+):queryparam\}", query)
        for name in (*passed, *re.findall(r"(?:^|&)var-(\w+)=", query)):
            if name not in variables[uid]:
                yield place, f"{uid} has no variable {name}"


def placeholders_exist(board: Board) -> Found:
    """What Grafana fills in is a variable, or a label of the series."""
    for place, panel, url in _links(board):
        for name in _PLACEHOLDER.findall(unquote(url)):
            kind, _, label = name.rpartition(".")
            if kind in ("__field.labels", "__data.fields"):
                if label not in _labels(panel):
                    yield place, f"its series have no {label}"
            elif name not in (*_OWN, *board.variables):
                yield place, f"nothing fills in {name}"


def _labels(panel: dict[str, Any]) -> set[str]:
    kept: set[str] = set()
    for target in panel["targets"]:
        if target["datasource"]["type"] != "prometheus":
            kept |= TRACE_COLUMNS
        else:
            kept |= labels_of(parse(target["expr"])) or set()
    return kept


def explorations_valid(board: Board) -> Found:
    """A link to Explore carries JSON that asks one of our data sources."""
    for place, _, url in _links(board):
        if not url.startswith("/explore?"):
            continue
        panes = json.loads(parse_qs(urlsplit(url).query)["panes"][0])
        for pane in panes.values():
            for one in (pane["datasource"], pane["queries"][0]["datasource"]["uid"]):
                if one.strip("${}") not in board.variables:
                    yield place, f"{one} is no data source of this dashboard"


def alerts_exist(board: Board) -> Found:
    """A link to an alert names one that we ship."""
    for place, _, url in _links(board):
        if not url.startswith("/alerting/"):
            continue
        alert = url.partition("search=")[2]
        if alert not in (*names.ALERTS, "${__data.fields.alertname}"):
            yield place, f"there is no alert {alert}"


def links_known(board: Board) -> Found:
    """No link leads anywhere else, and none is written twice."""
    for place, _, url in _links(board):
        if not url.startswith(("/d/", "/explore?", "/alerting/list?")):
            yield place, f"{url} leads away"


RULES: tuple[Rule, ...] = (
    dashboards_exist,
    placeholders_exist,
    explorations_valid,
    alerts_exist,
    links_known,
)

"""What every dashboard must be like: Grafana's dashboard-linter, without its holes.

A rule takes a dashboard and returns what is wrong, each with the panel in front. The
numbers are those of the linter's documentation.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from grafana_foundation_sdk.models import units

from support.boards import Board
from support.promql import parse

Rule = Callable[[Board], Iterator[tuple[str, str]]]
"""Returns pairs of a place, and what is wrong there."""

UNITS = {value for name, value in vars(units).items() if isinstance(value, str)}
_LABEL_VALUES = re.compile(r"label_values\((?P<query>.+), (?P<label>\w+)\)")
COLUMNS = 24
UNITLESS = ("logs", "traces", "alertlist")
"""Panels without a number."""


def datasource_variables(board: Board) -> Iterator[tuple[str, str]]:
    """1 template-datasource."""
    sources = [one for one in board.data["templating"]["list"] if _is_source(one)]
    if not sources or sources[0]["query"] != "prometheus":
        yield "variables", "the first is not a Prometheus data source"
    for one in sources:
        kind = one["query"]
        if one["name"] != f"{kind}_datasource":
            yield one["name"], f"is not called {kind}_datasource"
        if one["label"] != f"{kind.capitalize()} data source":
            yield one["name"], f"has the label {one['label']}"


def _is_source(variable: dict[str, Any]) -> bool:
    return bool(variable["type"] == "datasource")


def target_variables(board: Board) -> Iterator[tuple[str, str]]:
    """2, 3 template-job, template-instance."""
    wanted = {"job": "Job"}
    if "executive" not in board.uid:
        wanted["instance"] = "Instance"
    for name, label in wanted.items():
        one = board.variables.get(name, {})
        found = {key: one.get(key) for key in ("type", "multi", "allValue", "label")}
        if found != {"type": "query", "multi": True, "allValue": ".+", "label": label}:
            yield name, f"is not as it must be: {found}"
        if one.get("datasource", {}).get("uid") != "${prometheus_datasource}":
            yield name, "does not ask the chosen data source"


def variable_queries(board: Board) -> Iterator[tuple[str, str]]:
    """4 template-label-promql."""
    for name, one in board.variables.items():
        if one["type"] != "query":
            continue
        found = _LABEL_VALUES.fullmatch(one["query"]["query"])
        try:
            parse(found["query"] if found else "no label_values()")
        except ValueError as error:
            yield name, f"{one['query']['query']}: {error}"


def variables_reload(board: Board) -> Iterator[tuple[str, str]]:
    """5 template-on-time-change-reload."""
    for name, one in board.variables.items():
        if one["type"] == "query" and one["refresh"] != 2:
            yield name, f"refresh is {one['refresh']}, not 2"


def panel_sources(board: Board) -> Iterator[tuple[str, str]]:
    """6 panel-datasource, also of queries, variables and annotations."""
    for place, reference in _references(board.data, ""):
        uid = reference.get("uid", "")
        name = uid.removeprefix("${").removesuffix("}")
        if uid != f"${{{name}}}" or name not in board.variables:
            yield place, f"the data source {uid!r} is no variable of this dashboard"


def _references(node: Any, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict):
        place = str(node.get("id", node.get("name", place)))
        for key, value in node.items():
            if key == "datasource":
                yield place, value
            else:
                yield from _references(value, place)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value, place)


def panels_explained(board: Board) -> Iterator[tuple[str, str]]:
    """7 panel-title-description: a title, and a sentence that says what to do."""
    for panel in board.panels:
        if not panel.get("title"):
            yield str(panel["id"]), "has no title"
        words = panel.get("description", "").split()
        if len(words) < 8 or not words[-1].endswith("."):
            yield str(panel["id"]), "does not say what to do"


def panel_units(board: Board) -> Iterator[tuple[str, str]]:
    """8 panel-units."""
    for panel in board.panels:
        defaults = panel["fieldConfig"]["defaults"]
        if panel["type"] in UNITLESS or defaults["mappings"]:
            continue
        for unit in (defaults.get("unit", ""), *_override_units(panel)):
            if unit not in UNITS and not unit.startswith("suffix:"):
                yield str(panel["id"]), f"{unit!r} is no unit of Grafana's"


def _override_units(panel: dict[str, Any]) -> Iterator[str]:
    for override in panel["fieldConfig"]["overrides"]:
        for one in override["properties"]:
            if one["id"] == "unit":
                yield one["value"]


def panels_ask(board: Board) -> Iterator[tuple[str, str]]:
    """9 panel-no-targets."""
    for panel in board.panels:
        if not panel.get("targets"):
            yield str(panel["id"]), "asks nothing"
        letters = Counter(one["refId"] for one in panel.get("targets", ()))
        if letters and max(letters.values()) > 1:
            yield str(panel["id"]), "has two queries of one letter"


def not_editable(board: Board) -> Iterator[tuple[str, str]]:
    """17 uneditable-dashboard."""
    if board.data["editable"] is not False:
        yield "dashboard", "can be edited, and loses the edits at the next start"


def no_overlap(board: Board) -> Iterator[tuple[str, str]]:
    """Panels lie side by side, within the 24 columns."""
    taken: dict[tuple[int, int], int] = {}
    for panel in board.data["panels"]:
        place = panel["gridPos"]
        right = place["x"] + place["w"]
        if right > COLUMNS:
            yield str(panel["id"]), f"ends at column {right}"
        for x in range(place["x"], right):
            for y in range(place["y"], place["y"] + place["h"]):
                other = taken.setdefault((x, y), panel["id"])
                if other != panel["id"]:
                    yield str(panel["id"]), f"lies on panel {other}"
                    return


def unique_ids(board: Board) -> Iterator[tuple[str, str]]:
    """Each panel, rows too, has a number of its own."""
    ids = Counter(panel.get("id", 0) for panel in board.data["panels"])
    for number, count in ids.items():
        if count > 1 or number < 1:
            yield str(number), f"is the id of {count} panels"


RULES: tuple[Rule, ...] = (
    datasource_variables,
    target_variables,
    variable_queries,
    variables_reload,
    panel_sources,
    panels_explained,
    panel_units,
    panels_ask,
    not_editable,
    no_overlap,
    unique_ids,
)

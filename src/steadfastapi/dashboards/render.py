"""Dashboards as Grafana reads them: classic JSON, schema version 42."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steadfastapi.dashboards.looks import custom_of, options_of
from steadfastapi.dashboards.variables import source_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steadfastapi.dashboards.links import Link
    from steadfastapi.dashboards.panels import Panel, Row, Step, Target

COLUMNS = 24


def panels_of(rows: Iterable[Row], links: Iterable[Link]) -> list[dict[str, Any]]:
    """Return rows and panels, each at its place.

    Args:
        rows: From top to bottom.
        links: Of every panel, in its heading.
    """
    headings = [_panel_link(link) for link in links]
    found: list[dict[str, Any]] = []
    top = 0
    for row in rows:
        found.append(
            {
                "id": row.id,
                "type": "row",
                "title": row.title,
                "collapsed": False,
                "gridPos": {"x": 0, "y": top, "w": COLUMNS, "h": 1},
                "panels": [],
            }
        )
        top += 1
        left = height = 0
        for panel in row.panels:
            if left + panel.width > COLUMNS:
                top, left, height = top + height, 0, 0
            place = {"x": left, "y": top, "w": panel.width, "h": panel.height}
            found.append(_panel(panel, place, headings))
            left += panel.width
            height = max(height, panel.height)
        top += height
    return found


def _panel(
    panel: Panel, place: dict[str, int], links: list[dict[str, Any]]
) -> dict[str, Any]:
    source = source_of(f"{panel.source}_datasource")
    rendered: dict[str, Any] = {
        "id": panel.id,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.text,
        "datasource": source,
        "gridPos": place,
        "targets": [
            _target(panel, target, chr(ord("A") + number), source)
            for number, target in enumerate(panel.targets)
        ],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": _overrides(panel)},
        "options": options_of(panel),
    }
    if links:
        rendered["links"] = links
    if panel.kind == "table" and panel.source == "prometheus":
        rendered["transformations"] = _columns(panel)
    return rendered


def _target(
    panel: Panel, target: Target, reference: str, source: dict[str, str]
) -> dict[str, Any]:
    rendered: dict[str, Any] = {"refId": reference, "datasource": source}
    if panel.source == "tempo":
        return rendered | {
            "queryType": "traceql",
            "query": target.query.text,
            "tableType": "traces",
            "limit": 50,
        }
    rendered |= {"expr": target.query.text, "editorMode": "code"}
    if panel.source == "loki":
        return rendered | {"queryType": "range", "legendFormat": target.format}
    # One value at the end of the range is all that these show.
    instant = panel.kind in ("stat", "gauge", "bargauge", "table")
    formats = {"table": "table", "heatmap": "heatmap"}
    rendered |= {
        "instant": instant,
        "range": not instant,
        "format": formats.get(panel.kind, "time_series"),
        "legendFormat": _legend(panel, target),
    }
    if target.exemplar:
        rendered["exemplar"] = True
    return rendered


def _legend(panel: Panel, target: Target) -> str:
    """Return the legend; the columns of a table have their labels as titles."""
    legends = {"table": "", "heatmap": "{{le}}"}
    return legends.get(panel.kind, target.format)


def _defaults(panel: Panel) -> dict[str, Any]:
    worst, best = "red", "green"
    first = worst if panel.falling else best
    defaults: dict[str, Any] = {
        "unit": panel.unit,
        "custom": custom_of(panel),
        "color": _color(panel),
        "mappings": [_states(panel)] if panel.states else [],
        "thresholds": _thresholds(panel.steps, first),
        "links": [_data_link(link) for link in panel.links],
    }
    optional = {
        "min": panel.low,
        "max": panel.high,
        "decimals": panel.decimals,
        "noValue": panel.no_value or None,
    }
    return defaults | {
        key: value for key, value in optional.items() if value is not None
    }


def _color(panel: Panel) -> dict[str, str]:
    """Return what colours the values: their series, thresholds, or nothing."""
    if panel.kind == "stat" and not panel.steps:
        return {"mode": "fixed", "fixedColor": "text"}  # green would be a judgement
    judged = ("stat", "gauge", "bargauge", "state-timeline", "table")
    return {"mode": "thresholds" if panel.kind in judged else "palette-classic"}


def _thresholds(steps: tuple[Step, ...], first: str) -> dict[str, Any]:
    start: list[dict[str, Any]] = [{"value": None, "color": first}]
    return {
        "mode": "absolute",
        "steps": start + [{"value": value, "color": color} for value, color in steps],
    }


def _states(panel: Panel) -> dict[str, Any]:
    return {
        "type": "value",
        "options": {
            str(value): {"text": text, "color": color, "index": index}
            for index, (value, (text, color)) in enumerate(panel.states.items())
        },
    }


def _overrides(panel: Panel) -> list[dict[str, Any]]:
    overrides = []
    for index, target in enumerate(panel.targets):
        if not target.unit and not target.ahead:
            continue
        properties: list[dict[str, Any]] = [
            {"id": "unit", "value": target.unit or panel.unit}
        ]
        if target.ahead:
            steps = _thresholds(target.ahead, "green")
            properties += [
                {"id": "thresholds", "value": steps},
                {
                    "id": "custom.cellOptions",
                    "value": {"type": "color-text"},
                },
            ]
        matcher = (
            {"id": "byName", "options": target.legend}
            if panel.kind == "table"
            else {"id": "byFrameRefID", "options": chr(ord("A") + index)}
        )
        overrides.append({"matcher": matcher, "properties": properties})
    return overrides


def _columns(panel: Panel) -> list[dict[str, Any]]:
    """Return the steps from one table a query to one table."""
    names = {
        f"Value #{chr(ord('A') + index)}": target.legend
        for index, target in enumerate(panel.targets)
        if target.legend
    }
    if len(panel.targets) == 1 and names:  # of one query they have no letter
        names["Value"] = panel.targets[0].legend
    hidden = {"Time": True}
    if not names:
        hidden |= {"Value": True, "Value #A": True}
    organize = {
        "id": "organize",
        "options": {
            "excludeByName": hidden,
            "indexByName": {},
            "renameByName": names,
        },
    }
    return [{"id": "merge", "options": {}}, organize]


def _data_link(link: Link) -> dict[str, Any]:
    return {"title": link.title, "url": link.url, "targetBlank": link.new_tab}


def _panel_link(link: Link) -> dict[str, Any]:
    return {"type": "link", **_data_link(link)}

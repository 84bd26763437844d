"""How each kind of panel looks: the options that Grafana knows it by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from steadfastapi.dashboards.panels import Panel

_LAST = {"calcs": ["lastNotNull"], "fields": "", "values": False}
_LEGEND = {
    "showLegend": True,
    "displayMode": "list",
    "placement": "bottom",
    "calcs": [],
}
_TOOLTIP = {"mode": "multi", "sort": "desc"}


def options_of(panel: Panel) -> dict[str, Any]:
    """Return the options of a panel."""
    return {**_OPTIONS[panel.kind], **panel.options}


_OPTIONS: dict[str, dict[str, Any]] = {
    "timeseries": {"legend": _LEGEND, "tooltip": _TOOLTIP},
    "stat": {
        "reduceOptions": _LAST,
        "orientation": "auto",
        "textMode": "auto",
        "colorMode": "value",
        "graphMode": "none",
        "justifyMode": "auto",
        "wideLayout": True,
        "showPercentChange": False,
        "percentChangeColorMode": "standard",
    },
    "gauge": {
        "reduceOptions": _LAST,
        "orientation": "auto",
        "showThresholdLabels": False,
        "showThresholdMarkers": True,
        "sizing": "auto",
        "minVizHeight": 75,
        "minVizWidth": 75,
    },
    "bargauge": {
        "reduceOptions": _LAST,
        "orientation": "horizontal",
        "displayMode": "basic",
        "valueMode": "color",
        "namePlacement": "auto",
        "showUnfilled": True,
        "sizing": "auto",
        "minVizHeight": 16,
        "minVizWidth": 8,
        "maxVizHeight": 300,
        "legend": {**_LEGEND, "showLegend": False},
    },
    "heatmap": {
        # Prometheus has counted the buckets already.
        "calculate": False,
        "cellGap": 1,
        "color": {
            "mode": "scheme",
            "scheme": "Oranges",
            "fill": "dark-orange",
            "scale": "exponential",
            "exponent": 0.5,
            "steps": 64,
            "reverse": False,
        },
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
        "filterValues": {"le": 1e-9},
        "legend": {"show": True},
        "rowsFrame": {"layout": "auto"},
        "showValue": "never",
        "tooltip": {"mode": "single", "yHistogram": True, "showColorScale": True},
        "yAxis": {"axisPlacement": "left", "reverse": False, "unit": "s"},
    },
    "table": {"frameIndex": 0, "showHeader": True, "cellHeight": "sm"},
    "state-timeline": {
        "showValue": "auto",
        "rowHeight": 0.9,
        "mergeValues": True,
        "alignValue": "left",
        "legend": {**_LEGEND, "showLegend": False},
        "tooltip": {"mode": "single", "sort": "none"},
        "perPage": 20,
    },
    "logs": {
        "showTime": True,
        "showLabels": False,
        "showCommonLabels": False,
        "showLogContextToggle": True,
        "wrapLogMessage": True,
        "prettifyLogMessage": False,
        "enableLogDetails": True,
        "sortOrder": "Descending",
        "dedupStrategy": "none",
    },
    "traces": {},
    "alertlist": {
        "viewMode": "list",
        "groupMode": "default",
        "groupBy": [],
        "maxItems": 20,
        "sortOrder": 1,
        "dashboardAlerts": False,
        "alertName": "",
        "alertInstanceLabelFilter": '{job=~"$job"}',
        "stateFilter": {
            "firing": True,
            "pending": True,
            "noData": False,
            "normal": False,
            "error": True,
        },
    },
}


_QUIET = {
    "cps": 0.1,
    "ops": 0.1,
    "percentunit": 0.01,
    "reqps": 0.1,
    "s": 0.001,
    "short": 1,
}
"""How far an axis goes at least, by unit: 0 alone would be drawn on one up to 100."""


def _soft_maximum(panel: Panel) -> dict[str, float]:
    if panel.high is not None or panel.unit not in _QUIET:
        return {}
    return {"axisSoftMax": _QUIET[panel.unit]}


def custom_of(panel: Panel) -> dict[str, Any]:
    """Return what only this kind of panel draws."""
    if panel.kind == "timeseries":
        bars = panel.source == "loki"
        return {
            "drawStyle": "bars" if bars else "line",
            "lineInterpolation": "linear",
            "lineWidth": 1,
            "fillOpacity": 40 if panel.stacked else 8,
            "gradientMode": "none",
            "showPoints": "never",
            # A gap is a fact: nothing was scraped.
            "spanNulls": False,
            "stacking": {
                "mode": "normal" if panel.stacked else "none",
                "group": "A",
            },
            "thresholdsStyle": {"mode": "line" if panel.lines else "off"},
            **_soft_maximum(panel),
        }
    if panel.kind == "state-timeline":
        return {"fillOpacity": 70, "lineWidth": 0}
    if panel.kind == "table":
        return {"align": "auto", "cellOptions": {"type": "auto"}, "inspect": False}
    return {}

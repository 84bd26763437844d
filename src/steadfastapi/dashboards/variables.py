"""The variables and annotations that the dashboards share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from steadfastapi.signals import (
    APP_INFO,
    APP_START_TIME,
    HTTP_REQUESTS,
)

if TYPE_CHECKING:
    from steadfastapi.dashboards.expressions import Queries

Uid = Literal["steadfastapi-executive", "steadfastapi-oncall", "steadfastapi-debug"]
EXECUTIVE: Uid = "steadfastapi-executive"
ON_CALL: Uid = "steadfastapi-oncall"
DEBUG: Uid = "steadfastapi-debug"

PROMETHEUS = "prometheus_datasource"
LOKI = "loki_datasource"
TEMPO = "tempo_datasource"

LEVELS = ("trace", "debug", "info", "warn", "error", "critical", "fatal", "unknown")
"""What Loki's `detected_level` can be."""
ALERTS = "ALERTS"
"""Prometheus's own series: the alerts that are pending or firing."""
_ANY = ".+"

_VARIABLES: dict[Uid, tuple[str, ...]] = {
    EXECUTIVE: (PROMETHEUS, "job"),
    ON_CALL: (PROMETHEUS, LOKI, "job", "instance"),
    DEBUG: (
        PROMETHEUS,
        LOKI,
        TEMPO,
        "job",
        "instance",
        "route",
        "level",
        "trace_id",
        "search",
    ),
}


def variable_names(uid: Uid) -> tuple[str, ...]:
    """Return the variables of a dashboard, as they stand at its top."""
    return _VARIABLES[uid]


def variables(uid: Uid, queries: Queries, job: str) -> list[dict[str, Any]]:
    """Return the variables of a dashboard as Grafana wants them.

    Args:
        uid: The dashboard.
        queries: In its naming and scope.
        job: Shown at first; all jobs if empty.
    """
    name = queries.name(APP_INFO)
    route = queries.labels(HTTP_REQUESTS, ["handler"])[0]
    known: dict[str, dict[str, Any]] = {
        source: _source(source) for source in (PROMETHEUS, LOKI, TEMPO)
    }
    known |= {
        "job": _query("job", "Job", f"label_values({name}, job)", job),
        "instance": _query(
            "instance", "Instance", f'label_values({name}{{job=~"$job"}}, instance)'
        ),
        "route": _query(
            "route", "Route", f"label_values({queries.select(HTTP_REQUESTS)}, {route})"
        ),
        "level": _levels(),
        "trace_id": _text("trace_id", "Trace id"),
        "search": _text("search", "Search in logs"),
    }
    return [known[one] for one in variable_names(uid)]


def source_of(name: str) -> dict[str, str]:
    """Return the reference to a data source variable."""
    return {"type": name.removesuffix("_datasource"), "uid": f"${{{name}}}"}


def marks(queries: Queries) -> list[dict[str, Any]]:
    """Return the marks on every graph: deploys, and pages."""
    started = queries.name(APP_START_TIME)
    deploys = f'min by (version, revision) ({started}{{job=~"$job"}}) * 1000'
    pages = f'{ALERTS}{{job=~"$job",alertstate="firing",severity="page"}}'
    return [
        _annotation("Deploys", "blue", deploys)
        | {
            # The value of the series is the time at which the version began.
            "useValueForTime": True,
            "titleFormat": "Deploy of {{version}}",
            "textFormat": "{{revision}}",
        },
        _annotation("Pages", "red", pages)
        | {
            "titleFormat": "{{alertname}}",
            "textFormat": "{{sloth_id}}",
            "tagKeys": "severity",
        },
    ]


def _annotation(name: str, color: str, query: str) -> dict[str, Any]:
    return {
        "name": name,
        "datasource": source_of(PROMETHEUS),
        "enable": True,
        "hide": False,
        "iconColor": color,
        "expr": query,
        "target": {"refId": name, "expr": query, "datasource": source_of(PROMETHEUS)},
    }


def _source(name: str) -> dict[str, Any]:
    kind = name.removesuffix("_datasource")
    return {
        "type": "datasource",
        "name": name,
        "label": f"{kind.capitalize()} data source",
        "query": kind,
        "multi": False,
        "includeAll": False,
        "refresh": 1,
        "regex": "",
    }


def _query(name: str, label: str, query: str, first: str = "") -> dict[str, Any]:
    shown = {"text": [first or "All"], "value": [first or "$__all"]}
    return {
        "type": "query",
        "name": name,
        "label": label,
        "datasource": source_of(PROMETHEUS),
        "definition": query,
        "query": {"query": query, "refId": name},
        "current": shown,
        "multi": True,
        "includeAll": True,
        "allValue": _ANY,
        "refresh": 2,
        "sort": 1,
        "regex": "",
    }


def _levels() -> dict[str, Any]:
    return {
        "type": "custom",
        "name": "level",
        "label": "Level",
        "query": ",".join(LEVELS),
        "current": {"text": ["All"], "value": ["$__all"]},
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
    }


def _text(name: str, label: str) -> dict[str, Any]:
    return {
        "type": "textbox",
        "name": name,
        "label": label,
        "query": "",
        "current": {"text": "", "value": ""},
    }

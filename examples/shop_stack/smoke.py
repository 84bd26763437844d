"""Asks a running Grafana for every dashboard and every query; see grafana/smoke.sh.

Needs nothing but Python: it checks a stack on a machine that has Docker, and maybe no
virtual environment.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import ProxyHandler, Request, build_opener

DASHBOARDS = Path(__file__).parents[2] / "grafana" / "dashboards" / "default"
SOURCES = ("prometheus", "loki", "tempo")
"""Data sources that Grafana can check by themselves."""
SPAN = 15 * 60
"""Seconds that the queries look back."""
TIMEOUT = 30.0
VALUES = {
    "prometheus_datasource": "prometheus",
    "loki_datasource": "loki",
    "tempo_datasource": "tempo",
    "job": "shop",
    "instance": ".+",
    "route": ".+",
    "level": ".+",
    "event": ".+",
    "trace_id": "",
    "search": "",
    "__range": f"{SPAN}s",
}
"""What the dashboards' variables are; `$__rate_interval` and the like are Grafana's."""


class Failed(Exception):  # noqa: N818 - what happened, not a mistake
    """Grafana did not answer as it should."""


class Grafana:
    """The part of Grafana's HTTP interface that is needed.

    Args:
        url: Where it is.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._opener = build_opener(ProxyHandler({}))  # a proxy cannot reach it

    def ask(self, path: str, body: object = None) -> Any:
        """Return the answer to a GET, or to a POST of `body`.

        Raises:
            Failed: There was none, or it was an error.
        """
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = Request(f"{self._url}{path}", data, headers)  # noqa: S310 - ours
        try:
            with self._opener.open(request, timeout=TIMEOUT) as answer:
                return json.load(answer)
        except HTTPError as error:
            text = error.read(400).decode("utf-8", "replace")
            raise Failed(f"{error.code} {text}") from None
        except (URLError, OSError, ValueError) as error:
            raise Failed(str(error)) from None

    def wait(self, seconds: float) -> str:
        """Return Grafana's version once it is up.

        Raises:
            Failed: It was not in time.
        """
        ends_at = time.monotonic() + seconds
        while True:
            try:
                return str(self.ask("/api/health").get("version"))
            except Failed:
                if time.monotonic() > ends_at:
                    raise
                time.sleep(1)


@dataclass
class Report:
    """What was found."""

    answered: int = 0
    empty: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def note(self, what: str, rows: int) -> None:
        """Take down an answer."""
        if rows:
            self.answered += 1
        else:
            self.empty.append(what)


def substituted(value: Any, now: float) -> Any:
    """Return a query with the dashboards' variables replaced."""
    if isinstance(value, dict):
        return {name: substituted(item, now) for name, item in value.items()}
    if isinstance(value, list):
        return [substituted(item, now) for item in value]
    if not isinstance(value, str):
        return value
    known = VALUES | {
        "__from": str(round((now - SPAN) * 1000)),
        "__to": str(round(now * 1000)),
    }
    for name in sorted(known, key=len, reverse=True):  # `$job` is no part of `$jobs`
        value = value.replace(f"${{{name}}}", known[name])
        value = value.replace(f"${name}", known[name])
    return value


def targets(dashboard: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return every query with the title of its panel, rows looked into."""
    waiting = list(dashboard.get("panels", []))
    while waiting:
        panel = waiting.pop(0)
        waiting += panel.get("panels", [])
        for target in panel.get("targets", []):
            yield str(panel.get("title")), target


def rows_of(grafana: Grafana, target: dict[str, Any], now: float) -> int:
    """Return how many rows a query has.

    Raises:
        Failed: Grafana or the data source refuses it.
    """
    query = substituted(target, now)
    if query["datasource"]["type"] == "tempo":
        return _traces(grafana, query, now)
    body = {
        "queries": [query | {"intervalMs": 15_000, "maxDataPoints": 500}],
        "from": str(round((now - SPAN) * 1000)),
        "to": str(round(now * 1000)),
    }
    result = grafana.ask("/api/ds/query", body)["results"][query["refId"]]
    if result.get("error"):
        raise Failed(result["error"])
    columns = [frame["data"]["values"] for frame in result.get("frames", [])]
    return sum(max(map(len, values), default=0) for values in columns)


def _traces(grafana: Grafana, query: dict[str, Any], now: float) -> int:
    """Search Tempo itself: Grafana's browser does, its server has no such query."""
    asked = {"start": round(now - SPAN), "end": round(now), "limit": 20}
    wanted = query.get("query") or '{ resource.service.name = "shop" }'
    found = grafana.ask(
        f"/api/datasources/proxy/uid/{query['datasource']['uid']}/api/search?"
        f"{urlencode(asked | {'q': wanted}, quote_via=quote)}"
    )
    return len(found.get("traces") or [])


def check(grafana: Grafana, folder: Path) -> Report:
    """Ask for everything in the dashboards of `folder`."""
    report, now = Report(), time.time()
    for uid in SOURCES:
        _try(report, f"data source {uid}", lambda: _source(grafana, uid))  # noqa: B023 - called at once
    for path in sorted(folder.glob("*.json")):
        dashboard = json.loads(path.read_text("utf-8"))
        uid = dashboard["uid"]
        _try(report, uid, lambda: _served(grafana, uid))  # noqa: B023 - called at once
        for title, target in targets(dashboard):
            what = f"{uid} / {title} / {target.get('refId')}"
            _try(report, what, lambda: rows_of(grafana, target, now))  # noqa: B023 - called at once
    return report


def _source(grafana: Grafana, uid: str) -> int:
    answer = grafana.ask(f"/api/datasources/uid/{uid}/health")
    if answer.get("status") != "OK":
        raise Failed(str(answer.get("message")))
    return 1


def _served(grafana: Grafana, uid: str) -> int:
    return len(grafana.ask(f"/api/dashboards/uid/{uid}")["dashboard"]["panels"])


def _try(report: Report, what: str, ask: Any) -> None:
    try:
        report.note(what, ask())
    except (Failed, KeyError, TypeError) as error:
        report.failed.append(f"{what}: {error}")


def main(arguments: list[str] | None = None) -> int:
    """Check, and print what was found; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--grafana", default="http://127.0.0.1:3000")
    parser.add_argument("--dashboards", type=Path, default=DASHBOARDS)
    parser.add_argument("--wait", type=float, default=180, help="seconds for the start")
    parser.add_argument("--strict", action="store_true", help="empty answers fail too")
    options = parser.parse_args(arguments)
    grafana = Grafana(options.grafana)
    try:
        version = grafana.wait(options.wait)
    except Failed as error:
        sys.stdout.write(f"Grafana does not answer at {options.grafana}: {error}\n")
        return 1
    report = check(grafana, options.dashboards)
    for what in report.empty:
        sys.stdout.write(f"empty   {what}\n")
    for what in report.failed:
        sys.stdout.write(f"FAILED  {what}\n")
    sys.stdout.write(
        f"Grafana {version}: {report.answered} answered, {len(report.empty)} empty, "
        f"{len(report.failed)} failed.\n"
    )
    return int(bool(report.failed or (options.strict and report.empty)))


if __name__ == "__main__":
    sys.exit(main())

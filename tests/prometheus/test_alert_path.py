"""From a failing request to the pager, with real servers.

One stack, one long test: the shop under uvicorn, a Prometheus with the shop's own
rules, their windows shrunk 150 times, and an Alertmanager with the committed routes.
"""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import httpx2
import pytest
import yaml

from steadfastapi.slo import names
from steadfastapi.slo.alerts import Links
from steadfastapi.slo.rules import Rendering, rule_files
from steadfastapi.slo.spec import read_spec
from steadfastapi.slo.windows import Clock
from support.prometheus import Alertmanager, Prometheus, scraping
from support.receiver import HttpReceiver
from support.server import LiveServer
from support.slo import ROOT

SCALE = 1 / 150
"""Five minutes are two seconds, half an hour is twelve."""
WELL = ("/catalog", 0.02)
OUTAGE = ("/debug/crash", 0.02)
BLOCKED = ("/debug/block?seconds=0.6", 1.4)
"""Short enough that two scrapes find it within two seconds."""
PATIENCE = 60.0
"""Seconds for what takes one or two on a machine with nothing else to do."""
Alert = dict[str, Any]


class Pager(HttpReceiver):
    """Takes what Alertmanager delivers."""

    def delivered(self, path: str, alert: str, status: str) -> list[Alert]:
        """Return the alerts of a name and status that came on a path."""
        return [
            one
            for request in self.received
            if request.path == path
            for one in json.loads(request.body)["alerts"]
            if (one["labels"]["alertname"], one["status"]) == (alert, status)
        ]


class Customers:
    """Send requests as long as the context lasts."""

    def __init__(self, url: str) -> None:
        self.wish = WELL
        """What they ask for, and how long they wait in between."""
        self._url = url
        self._gone = threading.Event()
        self._thread = threading.Thread(target=self._send)

    def _send(self) -> None:
        with httpx2.Client(
            base_url=self._url, trust_env=False, timeout=PATIENCE
        ) as client:
            while not self._gone.wait(self.wish[1]):
                with contextlib.suppress(httpx2.HTTPError):  # as customers do
                    client.get(self.wish[0])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._gone.set()
        self._thread.join()


def routes(pager: Pager) -> dict[str, Any]:
    """Return the committed routes, without their patience, to this pager."""
    text = (ROOT / "prometheus/alertmanager.yml").read_text()
    config: dict[str, Any] = yaml.safe_load(text)
    config["route"] |= {"group_wait": "100ms", "group_interval": "1s"}
    for receiver in config["receivers"]:
        receiver["webhook_configs"][0]["url"] = f"{pager.endpoint}/{receiver['name']}"
    return config


def rules() -> dict[str, Any]:
    """Return the shop's rules with windows of seconds, by file name."""
    spec = read_spec(ROOT / "examples/shop/slo.yml")
    links = Links(dashboards="https://grafana.example")
    files = rule_files(spec, Rendering(links=links, clock=Clock(SCALE)))
    return {Path(path).name: content for path, content in files.items()}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[LiveServer]:
    """Serve the shop as its users would."""
    with LiveServer(
        "shop.main:app",
        subprocess=True,
        app_dir=str(ROOT / "examples"),
        env={"SHOP_DATA_DIR": str(tmp_path), "LOG_LEVEL": "CRITICAL"},
    ) as server:
        yield server


@pytest.mark.timeout(240)
def test_an_outage_pages_and_is_resolved_and_a_blocked_loop_is_a_ticket(
    shop: LiveServer,
) -> None:
    """Issue 6: the page reaches a webhook, and so does its end; no page before."""
    with contextlib.ExitStack() as stack:
        pager = stack.enter_context(Pager())
        alertmanager = stack.enter_context(Alertmanager(routes(pager)))
        config = scraping(
            {"shop": f"{shop.host}:{shop.port}"},
            interval="500ms",
            rule_files=["shop-*.json"],
            alertmanager=alertmanager,
        )
        prometheus = stack.enter_context(Prometheus(config, files=rules()))
        customers = stack.enter_context(Customers(shop.url))

        def wait(condition: Callable[[], Any], what: str) -> Any:
            return prometheus.wait_for(condition, what, PATIENCE)

        share = f'{names.rate("5m")}{{sloth_slo="availability"}}'
        wait(lambda: prometheus.query(f"{share} == 0"), "share of bad events")
        assert [] == pager.delivered("/pages", names.BURN, "firing")

        customers.wish = OUTAGE
        page = wait(lambda: pager.delivered("/pages", names.BURN, "firing"), "page")[0]
        customers.wish = WELL
        assert {
            "alertname": names.BURN,
            "job": "shop",
            "severity": "page",
            "sloth_id": "shop-availability",
            "sloth_service": "shop",
            "sloth_severity": "page",
            "sloth_slo": "availability",
            "team": "shop",
        } == page["labels"]
        said = page["annotations"]
        assert "The error budget of availability of shop burns now." == said["summary"]
        runbook = f"http://127.0.0.1:8080/runbooks/{names.BURN}.md"
        assert runbook == said["runbook_url"]
        assert (
            "https://grafana.example/d/steadfastapi-oncall?var-job=shop"
            == said["dashboard_url"]
        )

        blocked = names.EVENT_LOOP_BLOCKED
        customers.wish = BLOCKED
        ticket = wait(lambda: pager.delivered("/tickets", blocked, "firing"), "ticket")[
            0
        ]
        customers.wish = WELL
        assert f"127.0.0.1:{shop.port}" in ticket["annotations"]["summary"]
        assert "<no value>" not in str([page, ticket])

        wait(lambda: pager.delivered("/pages", names.BURN, "resolved"), "end")
        wait(lambda: pager.delivered("/tickets", blocked, "resolved"), "its end")
        assert [] == [rule for rule in prometheus.rules() if rule["health"] != "ok"]

"""Rules and dashboards of somebody else's application, in an empty folder."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from steadfastapi.slo import names
from support.services import find_promtool, require

APPLICATION = """
from fastapi import FastAPI

from steadfastapi import SLO, SLOs, configure

print("importing")
app = FastAPI(title="Till")


@app.get("/baskets/{basket_id}")
async def basket(basket_id: int) -> dict[str, int]:
    return {"id": basket_id}


configure(app, slo=SLOs(slos=[SLO(availability=99.5)]), inbox=False)
"""
SPEC = """
service: till
job: tills
slos:
- {name: availability, objective: 99.5, sli: {kind: availability}}
- name: quick
  objective: 95
  sli: {kind: latency, threshold: 0.5, handlers: ["/baskets/{basket_id}"]}
"""
GRAFANA = "https://grafana.example"
EVERY_RUN = ("till-outage.json", "till-symptoms.json")


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """Return a folder with a small application and its objectives."""
    (tmp_path / "main.py").write_text(APPLICATION)
    (tmp_path / "slo.yml").write_text(SPEC)
    return tmp_path


def steadfastapi(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder, as somebody who has only installed it."""
    ours = ("PYTEST_", "PYTHONPATH", "STEADFAST_")
    done = subprocess.run(
        [sys.executable, "-m", "steadfastapi", *arguments],
        cwd=folder,
        env={k: v for k, v in os.environ.items() if not k.startswith(ours)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    return done


def promtool(folder: Path, *arguments: str) -> None:
    """Run promtool on what was written."""
    binary = require("promtool", find_promtool())
    done = subprocess.run(
        [binary, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode, done.stdout + done.stderr


def alerts_in(folder: Path) -> list[dict[str, Any]]:
    """Return the alerts of a folder of rules."""
    return [
        rule
        for path in folder.glob("rules/*.json")
        for group in json.loads(path.read_text())["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ]


def test_rules_of_its_own_file_hold(elsewhere: Path) -> None:
    """Issue 6: `rules --slo slo.yml --out prometheus/`, and promtool passes them."""
    steadfastapi(elsewhere, "rules", "--slo", "slo.yml", "--out", "prometheus/")

    written = sorted(elsewhere.glob("prometheus/rules/*.json"))
    assert [
        "till-availability.slo-5m.json",
        "till-availability.slo.json",
        "till-quick.slo-5m.json",
        "till-quick.slo.json",
        "till-symptoms.json",
    ] == [path.name for path in written]
    promtool(elsewhere, "check", "rules", *map(str, written))
    # The rest of the cases: tests/prometheus/test_files.py, for other objectives.
    promtool(elsewhere / "prometheus/tests", "test", "rules", *EVERY_RUN)


def test_its_alerts_link_to_pages_that_are_there(elsewhere: Path) -> None:
    """Beside the rules, with panels in its own Grafana; it is told to serve them."""
    said = steadfastapi(elsewhere, "rules", "main:app", "--dashboards", GRAFANA)

    folder = elsewhere / "prometheus"
    alerts = alerts_in(folder)
    assert set(names.ALERTS) == {alert["alert"] for alert in alerts}
    for alert in alerts:
        page = (folder / alert["annotations"]["runbook_url"]).read_text()
        panels = re.findall(r"\]\((http[^)]+)\)", page)
        assert page.startswith(f"# {alert['alert']}\n")
        assert panels == [url for url in panels if url.startswith(f"{GRAFANA}/d/")]
        assert panels
        assert alert["annotations"]["dashboard_url"].startswith(f"{GRAFANA}/d/")
    assert "Serve prometheus/runbooks somewhere" in said.stderr
    assert "importing" not in said.stdout


@pytest.mark.parametrize("where", ["option", "file"])
def test_its_alerts_link_to_the_address_that_it_gives(
    where: str, elsewhere: Path
) -> None:
    """Those on symptoms too; nothing is written that nobody needs, and all is said."""
    wiki = "https://wiki.example/r"
    if where == "file":
        text = (elsewhere / "slo.yml").read_text()
        (elsewhere / "slo.yml").write_text(f"{text}defaults: {{runbook: {wiki}}}\n")
    options = ["--runbooks", wiki] if where == "option" else []

    said = steadfastapi(elsewhere, "rules", *options)

    assert not (elsewhere / "prometheus/runbooks").exists()
    assert "" == said.stderr
    for alert in alerts_in(elsewhere / "prometheus"):
        assert f"{wiki}/{alert['alert']}.md" == alert["annotations"]["runbook_url"]


def test_its_dashboards_are_written(elsewhere: Path) -> None:
    """Issue 6: `dashboards --out grafana/`, for its job and nobody else's."""
    steadfastapi(elsewhere, "dashboards", "--out", "grafana/", "--job", "tills")

    boards = [json.loads(path.read_text()) for path in elsewhere.glob("grafana/*.json")]
    chosen = [
        variable["current"]["value"]
        for board in boards
        for variable in board["templating"]["list"]
        if variable["name"] == "job"
    ]
    assert 3 == len(boards)
    assert 3 * [["tills"]] == chosen
    assert "shop" not in json.dumps(boards)

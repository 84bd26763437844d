"""Runbooks: one page for each alert, with what somebody needs at night."""

import json
import re
from pathlib import Path

import pytest

from steadfastapi.slo import names
from support.slo import ROOT

FOLDER = ROOT / "docs/runbooks"
HEADINGS = ["What it means", "Look first", "Likely causes", "First actions"]
BOARDS = {"E": "executive", "O": "oncall", "D": "debug"}
FAILURES = {f"F{number}" for number in range(1, 9)}
_PANEL = re.compile(
    r"\[([EOD])(\d+) [^]]+\]\(http://127\.0\.0\.1:3000/d/steadfastapi-(\w+)"
    r"\?viewPanel=panel-(\d+)\)"
)


def panels(board: str) -> set[int]:
    """Return the ids of the panels of a dashboard."""
    path = ROOT / f"grafana/dashboards/default/steadfastapi-{board}.json"
    return {panel["id"] for panel in json.loads(path.read_text())["panels"]}


def test_each_alert_has_its_page_and_each_page_its_alert() -> None:
    """A link of an alert leads somewhere; no page is about an alert that is gone."""
    pages = {path.stem for path in FOLDER.glob("*.md")} - {"README"}
    listed = set(re.findall(r"\]\((\w+)\.md\)", (FOLDER / "README.md").read_text()))

    assert set(names.ALERTS) == pages == listed


@pytest.mark.parametrize("alert", names.ALERTS)
def test_a_page_answers_the_four_questions(alert: str) -> None:
    """In the same order on every page, with at least two places to look at."""
    text = (FOLDER / f"{alert}.md").read_text()

    assert text.startswith(f"# {alert}\n")
    assert HEADINGS == re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert 2 <= len(re.findall(r"^\d\. ", text, re.MULTILINE))
    assert re.search(r"\*\*F[1-8],", text)


@pytest.mark.parametrize(
    "page", sorted(FOLDER.glob("*.md")), ids=lambda page: page.stem
)
def test_links_lead_to_panels_that_exist(page: Path) -> None:
    """Ids of panels are stable; one that was dropped is found here."""
    links = _PANEL.findall(page.read_text())

    assert page.read_text().count("viewPanel") == len(links)
    for letter, number, board, panel in links:
        assert (BOARDS[letter], number) == (board, panel)
        assert int(panel) in panels(board)


def test_every_usual_failure_is_a_cause_somewhere() -> None:
    """F1 to F8 of the operations guide."""
    text = "".join(path.read_text() for path in FOLDER.glob("S*.md"))

    assert FAILURES == set(re.findall(r"\*\*(F[1-8]),", text))

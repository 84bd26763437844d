"""The committed files are what the command writes, also for somebody else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from steadfastapi.dashboards.files import dashboards
from support.boards import FOLDER, NAMINGS

if TYPE_CHECKING:
    from steadfastapi.signals import Naming

PANELS = Path(__file__).parent / "panels.json"


@pytest.mark.parametrize("naming", NAMINGS)
def test_regenerating_changes_no_byte(naming: Naming) -> None:
    """After a change: `make dashboards`."""
    committed = {
        path.name: path.read_text(encoding="utf-8")
        for path in (FOLDER / naming).iterdir()
    }

    assert dashboards(naming) == committed


def test_panels_keep_their_ids() -> None:
    """Links to a panel go on working in the next release; a new one is added here."""
    found = {
        board["uid"]: {
            str(panel["id"]): panel["title"]
            for panel in sorted(board["panels"], key=lambda one: int(one["id"]))
        }
        for board in map(json.loads, dashboards().values())
    }

    assert json.loads(PANELS.read_text(encoding="utf-8")) == found


def test_the_namings_differ_only_in_queries() -> None:
    """Same panels, same places, same words."""
    assert _without_queries("default") == _without_queries("otel")


def _without_queries(naming: Naming) -> list[Any]:
    boards = [json.loads(text) for text in dashboards(naming).values()]
    return [
        [(panel["id"], panel["title"], panel["gridPos"]) for panel in board["panels"]]
        for board in boards
    ]


def test_the_job_is_chosen_at_first() -> None:
    """And can still be changed at the top."""
    board = json.loads(dashboards(job="till")["steadfastapi-oncall.json"])
    job = next(one for one in board["templating"]["list"] if one["name"] == "job")

    assert {"text": ["till"], "value": ["till"]} == job["current"]
    assert job["includeAll"]


def test_runbooks_are_where_the_user_says() -> None:
    """Without an address, a link leads to the alert, which knows its runbook."""
    here = dashboards(runbooks="https://wiki.example.org/r")["steadfastapi-oncall.json"]
    nowhere = dashboards()["steadfastapi-oncall.json"]

    assert "https://wiki.example.org/r/SteadfastapiCircuitOpen.md" in here
    assert "https://wiki.example.org/r/${__data.fields.alertname}.md" in here
    assert "/alerting/list?search=SteadfastapiCircuitOpen" in nowhere
    assert "https://" not in nowhere

"""`steadfastapi plan`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from steadfastapi._configure import stack_of
from steadfastapi._plan_data import as_data
from steadfastapi.cli.loading import load_app

if TYPE_CHECKING:
    from cli.conftest import RunCli

EXAMPLES = Path(__file__).parents[2] / "examples"

NOISY = """\
import logging
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.responses import PlainTextResponse
from steadfastapi import Metrics, configure

print("printed while imported")
app = FastAPI(title="Noisy", version="7")
app.mount("/below", FastAPI())
app.mount("/plain", PlainTextResponse("x"))
configure(app, metrics=Metrics(token="open-sesame"), tracing=False, sentry=False)
app.add_middleware(CORSMiddleware)
logging.getLogger("noisy").warning("logged while imported")
"""


def test_plan_of_the_shop(run_cli: RunCli) -> None:
    """The plan of a real application is printed as tables."""
    ended = run_cli("plan", "shop.main:app", "--app-dir", str(EXAMPLES))
    assert 0 == ended.code
    assert ended.out.startswith("shop 0.1.0 · development")
    for word in ("ExchangeMiddleware", "CORSMiddleware", "HEAD /metrics", "/admin"):
        assert word in ended.out


def test_what_the_application_says_is_not_in_the_plan(
    workplace: Path, run_cli: RunCli
) -> None:
    """Prints and log lines of an import go to stderr, so that stdout can be piped."""
    (workplace / "plannoise.py").write_text(NOISY)
    ended = run_cli("plan", "plannoise:app", "--json")
    assert 0 == ended.code
    assert "noisy" == json.loads(ended.out)["service"]["name"]
    assert "printed while imported" in ended.err
    assert "logged while imported" in ended.err


def test_json_holds_every_layer_with_its_settings_masked(
    workplace: Path, run_cli: RunCli
) -> None:
    """Layers, on or off, with all of their settings, and no secret."""
    (workplace / "planjson.py").write_text(NOISY)
    ended = run_cli("plan", "planjson:app", "--json")
    layers = {layer["name"]: layer for layer in json.loads(ended.out)["layers"]}
    assert (True, False) == (layers["metrics"]["on"], layers["tracing"]["on"])
    assert "/metrics" == layers["metrics"]["settings"]["path"]
    assert "**********" == layers["metrics"]["settings"]["token"]
    assert {} == layers["tracing"]["settings"]
    assert "open-sesame" not in ended.out


def test_json_says_what_the_tables_say(workplace: Path) -> None:
    """Order and mounts are the printed ones."""
    (workplace / "plansame.py").write_text(NOISY)
    stack = stack_of(load_app("plansame:app"))
    assert stack is not None
    data = as_data(stack)
    layers, order, mounts = map(rows, re.split("order, outer|mounts", str(stack)))
    assert {entry["name"] for entry in data["layers"]} == layers.keys()
    assert [entry["slot"] for entry in data["order"]] == list(order)
    assert [", ".join(entry["pieces"]) for entry in data["order"]] == [
        piece for piece, *_ in order.values()
    ]
    assert {entry["at"]: entry["covered"] for entry in data["mounts"]} == {
        place: covered == "covered" for place, (_, covered) in mounts.items()
    }
    assert {"/below": True, "/plain": False} == {
        entry["at"]: entry["covered"] for entry in data["mounts"]
    }


def rows(table: str) -> dict[str, list[str]]:
    """Return the rows of a printed table by their first cell."""
    lines = [line.strip("│").split("│") for line in table.splitlines() if "│" in line]
    cells = [[cell.strip() for cell in line] for line in lines]
    return {first: others for first, *others in cells if first}


def test_unconfigured_application_is_told_how(workplace: Path, run_cli: RunCli) -> None:
    """An application without steadfastapi gets the lines to add, and exit code 1."""
    (workplace / "planbare.py").write_text(
        "from fastapi import FastAPI\napp = FastAPI()"
    )
    ended = run_cli("plan", "planbare:app")
    assert (1, "") == (ended.code, ended.out)
    assert "configure() was not called on it" in ended.err
    assert "stack = configure(app)" in ended.err


@pytest.mark.parametrize("target", ["nowhere:app", "json:ap", "json", "json:loads"])
def test_bad_target_is_one_line(workplace: Path, run_cli: RunCli, target: str) -> None:
    """What cannot be loaded ends with 2 and one line, without a traceback."""
    ended = run_cli("plan", target)
    assert (2, "", 1) == (ended.code, ended.out, ended.err.count("\n"))


def test_traceback_is_shown_on_demand(workplace: Path, run_cli: RunCli) -> None:
    """`--verbose` adds where the user's code failed."""
    (workplace / "planfail.py").write_text("def f():\n    return 1 / 0\n\nf()\n")
    quiet = run_cli("plan", "planfail:app")
    assert "Traceback" not in quiet.err
    verbose = run_cli("plan", "planfail:app", "--verbose")
    assert "return 1 / 0" in verbose.err
    assert quiet.err.strip() == verbose.err.splitlines()[-1]


def test_mistakes_of_the_configuration_come_together(
    workplace: Path, run_cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One start shows every wrong setting, as one message without a traceback."""
    monkeypatch.setenv("LOG_LEVEL", "LOUD")
    monkeypatch.setenv("STEADFAST_METRICS_PTH", "/x")
    (workplace / "planwrong.py").write_text(
        "from fastapi import FastAPI\nfrom steadfastapi import configure\n"
        "app = FastAPI()\nconfigure(app, metrik=False)\n"
    )
    ended = run_cli("plan", "planwrong:app")
    assert (2, "") == (ended.code, ended.out)
    assert ended.err.startswith("3 settings are wrong:")
    for word in ("metrik", "LOG_LEVEL", "Did you mean STEADFAST_METRICS_PATH?"):
        assert word in ended.err
    assert "Traceback" not in ended.err

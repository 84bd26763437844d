"""`steadfastapi rules` outside of this repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.slo import SPEC

if TYPE_CHECKING:
    from pathlib import Path

    from cli.conftest import RunCli

APPLICATION = """
from fastapi import FastAPI
from steadfastapi import SLO, Metrics, SLOs, configure

app = FastAPI(title="My Shop")

@app.get("/orders")
def orders(): ...

layer = SLOs(slos=[SLO(availability=99.5)]) if DECLARED else SLOs()
configure(app, metrics=Metrics(names="otel"), slo=layer)
bare = FastAPI()
"""


@pytest.fixture
def declared(workplace: Path) -> Path:
    """Work beside an application that declares an objective in code."""
    (workplace / "main.py").write_text(APPLICATION.replace("DECLARED", "True"))
    return workplace


@pytest.fixture
def beside_a_file(workplace: Path) -> Path:
    """Work beside a `slo.yml`."""
    (workplace / "slo.yml").write_text(SPEC)
    return workplace


def test_it_writes_rules_and_their_tests(beside_a_file: Path, run_cli: RunCli) -> None:
    """From `slo.yml` to a folder that is made."""
    ended = run_cli("rules", "--out", "out/prometheus")

    folder = beside_a_file / "out/prometheus"
    made = {path.name for path in folder.glob("rules/*.json")}
    assert 0 == ended.code
    assert {"api-availability.slo.json", "api-mail.slo-5m.json"} < made
    assert "api-symptoms.json" in made
    assert (folder / "tests/api-outage.json").is_file()
    assert "promtool check rules out/prometheus/rules/*.json" in ended.out


def test_options_reach_the_rules(beside_a_file: Path, run_cli: RunCli) -> None:
    """Naming, jobs and links."""
    options = "--names otel --job blue --job green --runbooks https://wiki.example/r"
    run_cli("rules", *options.split(), "--dashboards", "https://grafana.example")

    text = (beside_a_file / "prometheus/rules/api-symptoms.json").read_text()
    assert 'absent(http_server_request_duration_seconds_count{job=\\"green\\"})' in text
    assert "https://wiki.example/r/SteadfastapiTargetDown.md" in text
    assert "https://grafana.example/d/steadfastapi-oncall?var-job={{" in text


def test_an_application_declares_them_in_code(declared: Path, run_cli: RunCli) -> None:
    """Its name is the job, and its metrics are called as it calls them."""
    ended = run_cli("rules", "main:app", "--out", "prometheus")

    rule = declared / "prometheus/rules/my-shop-availability.slo.json"
    assert 0 == ended.code
    assert "vector(0.995)" in rule.read_text()
    assert "http_server_request_duration" in rule.read_text()


def test_an_application_knows_its_routes(declared: Path, run_cli: RunCli) -> None:
    """Objectives in a file are checked by them."""
    slo = "{name: a, objective: 99, sli: {kind: availability, handlers: [/order]}}"
    (declared / "slo.yml").write_text(f"service: shop\nslos: [{slo}]\n")

    ended = run_cli("rules", "main:app", "--slo", "slo.yml")

    assert 2 == ended.code
    assert "the route '/order', which the application does not have" in ended.err
    assert "Did you mean '/orders'?" in ended.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--slo", "none.yml"], "none.yml cannot be read"),
        ([], "slo.yml cannot be read"),
        (["main:bare"], "is a FastAPI application without configure(app)"),
        (["main:none"], "main"),
        (["main:app", "--names", "loud"], "--names is 'loud': write default or otel"),
        (["main:app", "--out", "main.py"], "cannot be written"),
    ],
)
def test_a_mistake_ends_with_two(
    arguments: list[str], said: str, declared: Path, run_cli: RunCli
) -> None:
    """And says what is wrong, without a traceback."""
    ended = run_cli("rules", *arguments)

    assert (2, True) == (ended.code, said in ended.err)
    assert "Traceback" not in ended.err


def test_an_application_that_promises_nothing_is_told_how(
    workplace: Path, run_cli: RunCli
) -> None:
    """In code, or in a file."""
    (workplace / "main.py").write_text(APPLICATION.replace("DECLARED", "False"))

    ended = run_cli("rules", "main:app")

    assert 2 == ended.code
    assert "slo=SLOs(slos=[SLO(availability=99.9)])" in ended.err


def test_check_compares_and_writes_nothing(
    beside_a_file: Path, run_cli: RunCli
) -> None:
    """CI fails when somebody edits what is generated, or forgets to generate."""
    missing = run_cli("rules", "--check")
    run_cli("rules")
    same = run_cli("rules", "--check")
    changed = beside_a_file / "prometheus/rules/api-symptoms.json"
    changed.write_text("{}")
    different = run_cli("rules", "--check")

    assert [1, 0, 1] == [ended.code for ended in (missing, same, different)]
    assert str(changed.relative_to(beside_a_file)) in different.err
    assert "{}" == changed.read_text()


def test_rules_of_an_objective_that_is_gone_are_named(
    beside_a_file: Path, run_cli: RunCli
) -> None:
    """Prometheus would go on evaluating them; nothing is deleted unasked."""
    stranger = beside_a_file / "prometheus/rules/api-gone.slo.json"
    stranger.parent.mkdir(parents=True)
    stranger.write_text("{}")

    ended = run_cli("rules")

    assert 0 == ended.code
    assert "api-gone.slo.json is of no SLO in this file: remove it" in ended.err
    assert stranger.is_file()

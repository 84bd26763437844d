"""The files below prometheus/, and the rules in them, run by promtool."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from steadfastapi.signals import Naming
from steadfastapi.slo.alerts import Links
from steadfastapi.slo.objective import Objective, Spec
from steadfastapi.slo.rules import Rendering, rule_files, written
from steadfastapi.slo.spec import read_spec
from steadfastapi.slo.unit_tests import unit_tests
from support.prometheus import find_amtool
from support.services import find_promtool, require
from support.slo import ROOT

FOLDER = ROOT / "prometheus"
FOLDERS: dict[Naming, Path] = {"default": FOLDER, "otel": FOLDER / "otel"}
SPEC = ROOT / "examples/shop/slo.yml"
EVERY_RUN = {
    "default": (
        "shop-availability.slo",
        "shop-availability.slo-5m",
        "shop-availability.slo-long",
        "shop-latency.slo",
        "shop-outage",
        "shop-symptoms",
    ),
    "otel": ("shop-availability.slo", "shop-symptoms"),
}
"""What promtool runs each time: all cases in one naming, and enough of the other to see
that both say the same. `make soak` runs the rest too."""


def run(tool: str, path: str | None, *arguments: object) -> None:
    """Run a checker; its complaints are the failure of the test."""
    binary = require(tool, path)
    done = subprocess.run(
        [binary, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode, done.stdout + done.stderr


def promtool(*arguments: object) -> None:
    """Run promtool."""
    run("promtool", find_promtool(), *arguments)


@pytest.mark.parametrize("naming", FOLDERS)
def test_the_files_are_what_the_generator_writes(naming: Naming) -> None:
    """Byte by byte, and no others; `make rules` writes them."""
    rendering = Rendering(
        naming=naming, links=Links(dashboards="http://127.0.0.1:3000")
    )
    spec = read_spec(SPEC)
    expected = {
        path: written(content)
        for path, content in (
            rule_files(spec, rendering) | unit_tests(spec, rendering)
        ).items()
    }

    folder = FOLDERS[naming]
    found = {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in [*folder.glob("rules/*"), *folder.glob("tests/*")]
    }

    assert sorted(expected) == sorted(found)
    assert [] == [path for path in expected if expected[path] != found[path]]


@pytest.mark.parametrize("naming", FOLDERS)
def test_promtool_accepts_the_rules(naming: Naming) -> None:
    """Syntax, templates of the annotations, and no two rules of one name."""
    promtool("check", "rules", *sorted(FOLDERS[naming].glob("rules/*.json")))


def test_promtool_and_amtool_accept_the_configurations() -> None:
    """Those of the local stack."""
    promtool("check", "config", FOLDER / "prometheus.yml")
    run("amtool", find_amtool(), "check-config", FOLDER / "alertmanager.yml")


@pytest.mark.parametrize(
    ("naming", "name"),
    [(naming, name) for naming, names in EVERY_RUN.items() for name in names],
)
def test_the_rules_do_what_they_are_for(naming: Naming, name: str) -> None:
    """Outages, slow burns, quiet services, idle nights, deploys, jobs apart."""
    promtool("test", "rules", FOLDERS[naming] / f"tests/{name}.json")


@pytest.mark.soak
@pytest.mark.parametrize("naming", FOLDERS)
def test_all_unit_tests_pass(naming: Naming) -> None:
    """Every objective of the shop, in both namings."""
    promtool("test", "rules", *sorted(FOLDERS[naming].glob("tests/*.json")))


UNUSUAL: list[dict[str, Any]] = [
    {"percent": 99.999},
    {"percent": 99, "days": 7},
    {"percent": 99, "days": 28, "min_bad_events": 1},
    {"percent": 99, "days": 28, "min_bad_events": 2},
    {"percent": 99.5, "days": 90},
    {"percent": 95, "above_4x": False},
    {"percent": 90, "min_bad_events": 50},
    {"percent": 50},
    {"percent": 5},
    {"percent": 99.9, "handlers": ("/a/{id}", "/b"), "exclude_handlers": ("/c",)},
]


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("unusual", "long_windows"),
    [*((one, "raw") for one in UNUSUAL), ({"percent": 99.9}, "recorded")],
    ids=str,
)
def test_unusual_objectives_have_rules_that_pass(
    unusual: dict[str, Any], long_windows: Any, tmp_path: Path
) -> None:
    """Whatever somebody promises, what is generated for it must hold."""
    spec = Spec(
        service="api",
        jobs=("blue", "green"),
        objectives=(
            Objective(name="availability", kind="availability", **unusual),
            Objective(name="latency", kind="latency", threshold=1.0, **unusual),
        ),
        long_windows=long_windows,
    )
    files = rule_files(spec, Rendering()) | unit_tests(spec, Rendering())
    for path, content in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(written(content))

    promtool("check", "rules", *sorted(tmp_path.glob("rules/*.json")))
    promtool("test", "rules", *sorted(tmp_path.glob("tests/*.json")))


def test_a_broken_rule_fails_its_unit_test(tmp_path: Path) -> None:
    """The tests see a wrong figure: five minutes become fifty."""
    for path in [*FOLDER.glob("rules/*"), *FOLDER.glob("tests/*")]:
        copy = tmp_path / path.relative_to(FOLDER)
        copy.parent.mkdir(exist_ok=True)
        copy.write_text(path.read_text().replace("> 300", "> 3000"))

    with pytest.raises(AssertionError, match="FAILED"):
        promtool("test", "rules", tmp_path / "tests/shop-symptoms.json")

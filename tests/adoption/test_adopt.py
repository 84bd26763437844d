"""`benchmarks/adopt.py`: what differs in a suite once `configure(app)` is applied."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

# Several suites each, on a busy machine.
pytestmark = [pytest.mark.proof, pytest.mark.timeout(600)]

Project = Callable[..., Path]

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "benchmarks" / "adopt.py"
TEAMS = ROOT / "tests" / "apps" / "teams"

REQUEST_ID = "every response carries X-Request-ID"
NO_ECHO = "a 422 does not repeat what was sent"
CRASH = 'an unhandled exception is answered with {"detail": "Internal server error"}'
THROUGH = "a 500 passes through the application's middleware, and ends the connection"
EXPOSED = "scripts of other origins may read X-Request-ID"
JSON_ERROR = 'every error is JSON with the key "detail"'
OPENAPI = "OpenAPI documents the errors"
LIMITED = "a limited route tells its limits in headers"
REFUSED = "a limited route answers 429 beyond its limit"


class Adopted(NamedTuple):
    """How a comparison ended."""

    status: int
    output: str
    document: dict[str, Any]


def adopt(folder: Path, *arguments: str, report: Path | None = None) -> Adopted:
    """Run the script as somebody does in the folder of an application."""
    report = report or folder / "report.json"
    target, *rest = arguments
    finished = subprocess.run(
        [sys.executable, str(SCRIPT), target, "--json", str(report), *rest],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
    )
    document = json.loads(report.read_text()) if report.exists() else {}
    return Adopted(finished.returncode, finished.stdout + finished.stderr, document)


@pytest.mark.parametrize(
    ("team", "target", "promised"),
    [
        pytest.param(
            "bookings",
            "app.main:app",
            {REQUEST_ID, NO_ECHO, CRASH, THROUGH, EXPOSED, OPENAPI},
        ),
        pytest.param(
            "helpdesk",
            "helpdesk:create_app",
            {REQUEST_ID, NO_ECHO, CRASH, THROUGH},
        ),
        (
            "gateway",
            "main:app",
            {REQUEST_ID, CRASH, THROUGH, JSON_ERROR, OPENAPI},
        ),
    ],
)
def test_an_application_of_others_keeps_its_behaviour(
    tmp_path: Path, team: str, target: str, promised: set[str]
) -> None:
    """Every test, response and warning is the same, but for what is promised."""
    arguments = (target, "--", "-p", "no:cacheprovider")
    adopted = adopt(TEAMS / team, *arguments, report=tmp_path / "report.json")

    assert (0, "No difference.") == (adopted.status, adopted.output.split("\n")[-2])
    found = adopted.document
    assert ([], [], []) == (found["tests"], found["responses"], found["warnings"])
    assert promised == set(found["promised"])
    assert 20 <= found["tests_run"] <= 25
    assert found["requests"] > 20


@pytest.mark.timeout(300)
def test_the_shop_differs_in_what_steadfastapi_is_there_for(tmp_path: Path) -> None:
    """Its crashes and its limit; everything else it does by itself."""
    adopted = adopt(
        ROOT,
        *("shop.main:create_app", "--tests", "tests/examples/test_shop.py", "--"),
        *("-p", "no:cacheprovider", "-k", "crash or guesses or user or export"),
        report=tmp_path / "report.json",
    )

    assert 1 == adopted.status
    found = adopted.document
    crash = "test_crash_keeps_the_error_contract"
    assert {
        f"{crash}[/debug/crash]",
        f"{crash}[/debug/crash-sync]",
        f"{crash}[/admin/crash]",
        "test_whoever_guesses_passwords_is_refused",
    } == {one["test"].partition("::")[2] for one in found["tests"]}
    assert all(one["promised"] for one in found["tests"])
    assert ([], []) == (found["responses"], found["warnings"])
    assert {LIMITED, REFUSED, CRASH} <= set(found["promised"])


@pytest.fixture(scope="module")
def differing(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Adopted:
    """An application that notices steadfastapi, and a suite that asserts a lot."""
    folder = tmp_path_factory.mktemp("differing")
    app = """
    import warnings

    @app.middleware("http")
    async def curious(request, call_next):
        response = await call_next(request)
        if "steadfastapi.exchange" in request.scope and "who" in request.query_params:
            warnings.warn("soon gone", FutureWarning)
            response.headers["x-curious"] = "1"
        return response
    """
    suite = """
    from pathlib import Path

    def test_crash():
        client = TestClient(app, raise_server_exceptions=False)
        assert client.get("/crash").text == "Internal Server Error"

    def test_who():
        assert TestClient(app).get("/hello?who").status_code == 200

    def test_flaky():
        runs = Path("runs")
        runs.write_text(runs.read_text() + "x" if runs.exists() else "x")
        assert len(runs.read_text()) == 1
    """
    adopted = adopt(project(folder, app=app, suite=suite), "main:app")
    assert "xxx" == folder.joinpath("runs").read_text()  # once more without
    return adopted


def test_a_test_that_fails_with_it_is_shown_with_its_reason(differing: Adopted) -> None:
    """The contract's 500 is JSON: who asserts on the text is told so."""
    assert 1 == differing.status
    [change] = differing.document["tests"]
    assert "test_main.py::test_crash" == change["test"]
    assert ("passed", "failed") == (change["without"], change["with_it"])
    assert [CRASH, THROUGH] == change["promised"]
    assert "They differ." in differing.output


def test_a_response_that_differs_counts_though_no_test_looks(
    differing: Adopted,
) -> None:
    """A header that nobody promised is shown, and a flaky test is not."""
    [change] = differing.document["responses"]
    assert ("GET /hello", "headers []") == (change["request"], change["without"])
    assert "x-curious" in change["with_it"]


def test_a_new_warning_is_a_difference(differing: Adopted) -> None:
    """Whoever makes warnings errors would be stopped by one."""
    assert [["FutureWarning", "soon gone"]] == differing.document["warnings"]


def test_a_factory_is_configured_in_the_workers_of_xdist(
    project: Project, tmp_path: Path
) -> None:
    """What follows `--` is pytest's; both spellings of a factory mean the same."""
    suite = """
    from main import create_app

    def test_made():
        assert TestClient(create_app()).get("/hello").status_code == 200
    """
    arguments = ("main:create_app()", "--all", "--", "-n", "1")
    adopted = adopt(project(tmp_path, suite=suite), *arguments)

    assert 0 == adopted.status, adopted.output
    assert {REQUEST_ID: 1} == adopted.document["promised"]
    assert "test_main.py::test_made" in adopted.output

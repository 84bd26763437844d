"""What `benchmarks/adopt.py` says when there is nothing to compare."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.adopt import UNUSABLE, main

# A suite each, on a busy machine.
pytestmark = [pytest.mark.proof, pytest.mark.timeout(600)]

Project = Callable[..., Path]


@pytest.fixture
def here(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in the folder of a project."""
    monkeypatch.chdir(project(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("main.py", "'main.py' is a path: write main:app instead."),
        ("src/main.py:api", "is a path: write src.main:api instead."),
        ("main", "does not name an application: write module:app"),
        ("main:ap", "main has no 'ap'. Applications there: app."),
        ("main:FastAPI", "main:FastAPI is of type type, and holds no FastAPI"),
        ("main:app()", "is the application itself: write main:app, without ()."),
        ("other:app", "hold applications in main:app"),
    ],
)
def test_what_cannot_be_compared_says_what_to_write(
    here: Path, capfd: pytest.CaptureFixture[str], target: str, message: str
) -> None:
    """Two runs that never met the application would agree in everything."""
    assert UNUSABLE == main([target, "--json", "report.json"])

    assert message in capfd.readouterr().err
    assert not Path("report.json").exists()


def test_a_suite_without_tests_is_refused(
    here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nothing differs in nothing."""
    here.joinpath("test_main.py").unlink()

    assert UNUSABLE == main(["main:app"])

    said = capfd.readouterr().err
    assert "pytest collected no tests: name them with --tests PATH" in said


def test_settings_that_configure_refuses_are_named(
    here: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The error of `configure` is the answer, and not a hundred failing tests."""
    monkeypatch.setenv("STEADFAST_METRICS_PATH", "metrics")

    assert UNUSABLE == main(["main:app"])

    said = capfd.readouterr().err
    assert "configure(app) refused" in said
    assert "write an absolute path such as /metrics" in said

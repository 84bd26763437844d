"""Run somebody's pytest suite in a process of its own, and read what happened."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

PLUGIN = Path(__file__).with_name("plugin")
NO_TESTS = 5
"""pytest's exit status when it collected nothing; it has tests at 0 and 1."""

TAIL = 25


class AdoptionError(Exception):
    """The suite cannot be compared; the message says what to write instead."""


@dataclass(slots=True)
class Run:
    """What a suite did."""

    tests: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By node id: `outcome`, `seconds` of the call, `why`."""
    warnings: list[tuple[str, str]] = field(default_factory=list)
    """Categories and messages."""
    exchanges: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    applied: int = 0
    """Applications that were found."""


def run(
    target: str, paths: Sequence[str], arguments: Sequence[str], *, configure: bool
) -> Run:
    """Run the suite.

    Args:
        target: `module:app` or `module:create_app`.
        paths: Of tests, as for pytest; none for its own choice.
        arguments: Further ones for pytest.
        configure: Whether `configure` is applied to the application.

    Raises:
        AdoptionError: There is nothing to compare.
    """
    with tempfile.TemporaryDirectory(prefix="adopt-") as name:
        folder = Path(name)
        finished = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", PLUGIN_NAME, *paths, *arguments],
            env=_environment(target, folder, configure=configure),
            check=False,
            capture_output=True,
            text=True,
        )
        parts = [json.loads(file.read_text()) for file in folder.glob("*.json")]
    output = f"{finished.stdout}\n{finished.stderr}"
    _refuse_what_says_nothing(target, finished.returncode, parts, output)
    result = Run()
    for part in parts:
        result.tests |= part["tests"]
        result.warnings += [(kind, text) for kind, text in part["warnings"]]
        result.exchanges += part["exchanges"]
        result.seconds += part["seconds"]
        result.applied += part["applied"]
    return result


PLUGIN_NAME = "steadfastapi_adoption"


def _environment(target: str, folder: Path, *, configure: bool) -> dict[str, str]:
    path = [str(PLUGIN), *filter(None, [os.environ.get("PYTHONPATH")])]
    settings = {"target": target, "configure": configure, "folder": str(folder)}
    # Should this run in a test itself, the suite is no part of that one.
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST_CURRENT_TEST", "PYTEST_XDIST"))
    }
    return {
        # Errors of the tests are nobody's issue, and no file is left behind.
        "STEADFAST_INBOX_URL": f"sqlite:///{folder / 'inbox.db'}",
        **inherited,
        "ADOPTION": json.dumps(settings),
        "PYTHONPATH": os.pathsep.join(path),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _refuse_what_says_nothing(
    target: str, status: int, parts: Sequence[dict[str, Any]], output: str
) -> None:
    """Two runs that never met the application would agree in everything."""
    tail = "\n".join(output.strip().splitlines()[-TAIL:])
    module = target.partition(":")[0]
    errors = [part["error"] for part in parts if part["error"]]
    if errors:
        raise AdoptionError(errors[0])
    if not parts:
        raise AdoptionError(f"pytest ended with status {status} and no report:\n{tail}")
    if status == NO_TESTS:
        raise AdoptionError(
            "pytest collected no tests: name them with --tests PATH, and run this "
            f"where you run pytest.\n{tail}"
        )
    if any(part["applied"] for part in parts):
        return
    failed = [test for part in parts for test in part["tests"].values()]
    if failed and all(test["outcome"] == "error" for test in failed):
        raise AdoptionError(f"No test could be run:\n{tail}")
    seen = sorted({name for part in parts for name in part["seen"]})
    hint = f" They hold applications in {', '.join(seen)}: name it so." if seen else ""
    raise AdoptionError(
        f"The tests never imported an application from {module!r}.{hint} Write the "
        "module as the tests import it, and a factory as module:create_app."
    )

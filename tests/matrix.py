"""Run the tests on every supported Python and FastAPI: `make matrix`.

    python tests/matrix.py --pythons "3.12 3.13" --fastapis "0.135.0 newest"

Each pair of a Python and a FastAPI is a cell, with an environment of its own below
`.venvs` that is kept for the next time. The corners of the matrix run the whole suite,
the other cells what depends on the framework (`CORE`); `--tests` says otherwise. A
Python that this machine lacks is skipped by name, or a failure where
`STEADFAST_REQUIRE_SERVICES=1` asks for everything. All cells run, whatever fails; the
exit status is 0 when none did, and what failed is named at the end and kept in
`build/matrix.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
PINS = ROOT / "requirements" / "dev.txt"
REPORT = ROOT / "build" / "matrix.json"
LOWEST = "0.135.0"
LOWEST_STARLETTE = "1.3.1"
NEWEST = "newest"
"""The FastAPI that the requirements pin, which `make test` runs on."""
FASTAPIS = (LOWEST, "0.137.2", "0.141.0", "0.142.0", NEWEST)
"""Flat routes, route tree (twice), native telemetry, today."""
PYTHONS = ("3.11", "3.12", "3.13")
CORE = ("traps", "contract", "tracing", "metrics", "limits", "test_*.py")
"""What hangs on FastAPI and Starlette: routes, handlers, spans, order, lifespan."""
NOTHING_COLLECTED = 5
"""pytest's exit status; what a second try of a cell without failures gives."""


@dataclass
class Cell:
    """One Python with one FastAPI, and how its tests ended."""

    python: str
    fastapi: str
    starlette: str = ""
    suite: str = "core"
    outcome: str = "skipped"
    passed: int = 0
    skipped: int = 0
    failed: list[str] = field(default_factory=list)
    seconds: float = 0.0
    detail: str = ""


def pinned(name: str) -> str:
    """Return the version of a package in the requirements."""
    for line in PINS.read_text().splitlines():
        if line.startswith(f"{name}=="):
            return line.removeprefix(f"{name}==").split(" ")[0]
    raise SystemExit(f"{name} is not pinned in {PINS.name}")


def find_python(version: str) -> str | None:
    """Return an interpreter of that version: PATH, pyenv, uv's own; never a download.

    A shim of pyenv answers only for the versions that are switched on, so pyenv is
    asked where the version lies.
    """
    if sys.version_info[:2] == tuple(map(int, version.split(".")[:2])):
        return sys.executable
    newest = _ask("pyenv", "latest", version)
    prefix = _ask("pyenv", "prefix", newest) if newest else None
    candidates = [
        f"python{version}",
        f"{prefix}/bin/python" if prefix else None,
        _ask(uv(), "python", "find", "--no-python-downloads", version),
    ]
    tell = "import sys; print('%d.%d' % sys.version_info[:2], sys.executable)"
    for candidate in filter(None, candidates):
        found = (_ask(candidate, "-c", tell) or "").split(" ", 1)
        if found[0] == version:
            return found[1]
    return None


def uv() -> str:
    """Return the installer of this environment."""
    return str(Path(sys.executable).with_name("uv"))


def _ask(program: str | None, *arguments: str) -> str | None:
    """Return what a program answers; None where it is missing or refuses."""
    found = shutil.which(program) if program else None
    if found is None:
        return None
    answer = subprocess.run(
        [found, *arguments], capture_output=True, text=True, check=False
    )
    return answer.stdout.strip() if answer.returncode == 0 else None


def is_corner(cell: Cell, pythons: list[str], fastapis: list[str]) -> bool:
    """Return whether a cell joins an end of one axis to an end of the other."""
    return cell.python in {pythons[0], pythons[-1]} and cell.fastapi in {
        fastapis[0],
        fastapis[-1],
    }


def targets(suite: str) -> list[str]:
    """Return the paths of a suite: `whole`, `core`, or paths as they are."""
    if suite == "whole":
        return ["tests"]
    if suite != "core":
        return suite.split()
    found = (path for name in CORE for path in sorted((ROOT / "tests").glob(name)))
    return [str(path.relative_to(ROOT)) for path in found]


def install(cell: Cell, interpreter: str) -> Path:
    """Make or update the environment of a cell; returns its interpreter."""
    version = pinned("fastapi") if cell.fastapi == NEWEST else cell.fastapi
    env = ROOT / ".venvs" / f"py{cell.python}-fastapi-{version}"
    python = env / "bin" / "python"
    if not python.exists():
        subprocess.run([uv(), "venv", "-q", "-p", interpreter, env], check=True)
    pins = [f"fastapi=={version}"]
    # The lowest FastAPI goes with the lowest Starlette, the others with the newest.
    if version == LOWEST:
        pins.append(f"starlette=={LOWEST_STARLETTE}")
    constraints = env / "constraints.txt"
    kept = (
        line
        for line in PINS.read_text().splitlines(keepends=True)
        if not line.startswith(("fastapi==", "starlette=="))
    )
    constraints.write_text("".join(kept))
    command = [uv(), "pip", "install", "-q", "--compile-bytecode", "-p", str(python)]
    command += ["-c", str(constraints), "--group", "test", "-e", ".[demo,postgres]"]
    subprocess.run([*command, *pins], check=True, cwd=ROOT)
    cell.starlette = (
        _ask(str(python), "-c", "import starlette; print(starlette.__version__)") or ""
    )
    return python


def run(cell: Cell, python: Path, arguments: list[str]) -> None:
    """Run the suite of a cell, and note how it ended."""
    env = python.parents[1]
    report = env / "junit.xml"
    report.unlink(missing_ok=True)
    command = [str(python), "-m", "pytest", "-q", "-m", "not soak and not proof"]
    command += ["-o", f"cache_dir={env / '.pytest_cache'}", f"--junitxml={report}"]
    begin = time.monotonic()
    code = subprocess.run(
        [*command, *arguments, *targets(cell.suite)], check=False, cwd=ROOT
    ).returncode
    cell.seconds = round(time.monotonic() - begin, 1)
    if report.exists():
        read_report(cell, report)
    again = "--last-failed" in arguments and code == NOTHING_COLLECTED
    cell.outcome = "passed" if code == 0 or again else "failed"
    cell.detail = "" if cell.failed else f"pytest ended with {code}" * (code != 0)


def read_report(cell: Cell, report: Path) -> None:
    """Count what a JUnit file tells."""
    cases = list(ET.parse(report).iter("testcase"))
    bad = [
        c for c in cases if c.find("failure") is not None or c.find("error") is not None
    ]
    cell.failed = sorted({f"{c.get('classname')}::{c.get('name')}" for c in bad})
    cell.skipped = sum(case.find("skipped") is not None for case in cases)
    cell.passed = len(cases) - len(bad) - cell.skipped


def show(cells: list[Cell]) -> None:
    """Print the matrix, and what failed by name."""
    console = Console()
    table = Table(title="Versions")
    for name in ("Python", "FastAPI", "Starlette", "tests", "outcome"):
        table.add_column(name)
    for name in ("passed", "skipped", "failed", "seconds"):
        table.add_column(name, justify="right")
    for cell in cells:
        figures = (cell.passed, cell.skipped, len(cell.failed), cell.seconds)
        words = (cell.python, cell.fastapi, cell.starlette, cell.suite, cell.outcome)
        table.add_row(*words, *map(str, figures))
    console.print(table)
    for cell in cells:
        for line in [*cell.failed, *filter(None, [cell.detail])]:
            where = f"Python {cell.python}, FastAPI {cell.fastapi}"
            console.print(f"{where}: {line}", soft_wrap=True, markup=False)


def parse(words: list[str] | None = None) -> tuple[argparse.Namespace, list[str]]:
    """Read the command line; what it does not know goes to pytest."""
    parser = argparse.ArgumentParser(
        description="Test every Python with every FastAPI."
    )
    parser.add_argument("--pythons", default=" ".join(PYTHONS), help="by spaces")
    parser.add_argument("--fastapis", default=" ".join(FASTAPIS), help="by spaces")
    parser.add_argument(
        "--tests",
        default="auto",
        help="auto (whole suite in the corners, core elsewhere), core, whole, or paths",
    )
    return parser.parse_known_args(words)


def main() -> int:
    """Run every cell; returns 0 when none failed."""
    options, rest = parse()
    pythons, fastapis = options.pythons.split(), options.fastapis.split()
    required = os.environ.get("STEADFAST_REQUIRE_SERVICES") == "1"
    cells = []
    for python in pythons:
        interpreter = find_python(python)
        for fastapi in fastapis:
            cells.append(cell := Cell(python, fastapi))
            whole = options.tests == "auto" and is_corner(cell, pythons, fastapis)
            cell.suite = "whole" if whole else options.tests.replace("auto", "core")
            if interpreter is None:
                cell.detail = f"needs Python {python}"
                cell.outcome = "failed" if required else "skipped"
                continue
            Console().rule(f"Python {python}, FastAPI {fastapi}, {cell.suite}")
            try:
                run(cell, install(cell, interpreter), rest)
            except subprocess.CalledProcessError as error:
                cell.outcome, cell.detail = "failed", f"not installed: {error}"
            REPORT.parent.mkdir(exist_ok=True)
            REPORT.write_text(json.dumps([asdict(each) for each in cells], indent=2))
    show(cells)
    return int(any(cell.outcome == "failed" for cell in cells))


if __name__ == "__main__":
    sys.exit(main())

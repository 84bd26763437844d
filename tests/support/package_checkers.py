"""The type checkers that users have, with nothing configured but strictness."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from support.services import require

ROOT = Path(__file__).resolve().parents[2]


def find(name: str) -> str | None:
    """Return a checker: of this environment, of the development's, or npm's."""
    places = [
        Path(sys.executable).parent,
        ROOT / ".venv" / "bin",
        ROOT / "tests" / "frontend" / "node_modules" / ".bin",
    ]
    path = os.pathsep.join(map(str, places))
    return shutil.which(name, path=path) or shutil.which(name)


def checked_by_mypy(file: Path, where: Path) -> str:
    """Return what `mypy --strict` says, without pydantic's plugin."""
    command = [require("mypy", find("mypy")), "--strict", "--config-file="]
    command += ["--cache-dir", str(where / "cache"), str(file)]
    return _output([*command, "--python-executable", sys.executable], where)


def checked_by_pyright(file: Path, where: Path) -> str:
    """Return what pyright says in its strict mode, as editors show it."""
    pyright = require("pyright", find("pyright"))
    shutil.copy(file, where)
    settings = {"include": [file.name], "typeCheckingMode": "strict"}
    settings["reportUnnecessaryTypeIgnoreComment"] = "error"
    # Those of mypy are not pyright's: it has comments of its own.
    given = json.dumps(settings | {"enableTypeIgnoreComments": False})
    (where / "pyrightconfig.json").write_text(given)
    return _output([pyright, "--pythonpath", sys.executable], where)


def _output(command: list[str], where: Path) -> str:
    done = subprocess.run(
        command, cwd=where, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr

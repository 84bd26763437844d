"""The wheel as it is published, and environments that have little else."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from support.services import require

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

ROOT = Path(__file__).resolve().parents[2]
PINS = ROOT / "requirements" / "dev.txt"
INSTALLING = 240.0
"""Seconds for a test that builds or installs first, on a busy machine."""

APPLICATION = """
from fastapi import FastAPI
from steadfastapi import SLO, SLOs, configure

app = FastAPI(title="Alone")


@app.get("/crash")
def crash() -> None:
    raise RuntimeError("the wheels came off")


stack = configure(app, slo=SLOs(slos=(SLO(availability=99.9),)))
"""


def find_uv() -> str | None:
    """Return the installer, of this environment or of the development's."""
    places = [Path(sys.executable).parent, ROOT / ".venv" / "bin"]
    path = os.pathsep.join(map(str, places))
    return shutil.which("uv", path=path) or shutil.which("uv")


def uv(*arguments: str | Path) -> None:
    """Run the installer; its words are in the error."""
    command = [require("uv", find_uv()), *map(str, arguments)]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}:\n{done.stderr[-4000:]}")


@dataclass(frozen=True)
class Environment:
    """A virtual environment, and a place that has no sources."""

    folder: Path

    @property
    def python(self) -> Path:
        """The interpreter."""
        return self.folder / "bin" / "python"

    def install(self, *requirements: str | Path) -> None:
        """Install at the versions that the development uses."""
        uv("pip", "install", "-q", "-p", self.python, "-c", PINS, *requirements)

    def run(
        self, where: Path, *arguments: str, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Run `python <arguments>` in a folder, without this process's paths."""
        return subprocess.run(
            [self.python, *arguments],
            cwd=where,
            env=bare(env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def command(
        self, where: Path, *arguments: str, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Run `steadfastapi <arguments>` likewise."""
        return self.run(where, str(self.folder / "bin/steadfastapi"), *arguments, **env)


def bare(env: dict[str, str]) -> dict[str, str]:
    """Return an environment without this project's paths and settings."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
    return kept | {"PATH": os.defpath, "COLUMNS": "200"} | env


def shared_folder(factory: pytest.TempPathFactory) -> Path:
    """Return a folder of this test run, the same for all of its processes."""
    base = factory.getbasetemp()
    where = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    return where / "package"


@contextmanager
def once(folder: Path, name: str) -> Iterator[Path | None]:
    """Let one process do something; yields None where another has done it."""
    folder.mkdir(parents=True, exist_ok=True)
    done = folder / f"{name}.done"
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if done.exists():
            yield None
        else:
            yield folder / name
            done.touch()

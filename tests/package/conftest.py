"""The wheel, built once, and an environment that has it alone."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from support.package_wheel import (
    APPLICATION,
    ROOT,
    Environment,
    once,
    shared_folder,
    uv,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def distribution(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the source distribution, and from it the wheel."""
    shared = shared_folder(tmp_path_factory)
    with once(shared, "dist") as target:
        if target is not None:
            uv("build", "-q", "-o", target, ROOT)
    return shared / "dist"


@pytest.fixture(scope="session")
def wheel(distribution: Path) -> Path:
    """Return the wheel."""
    (found,) = distribution.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def alone(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Environment:
    """Install the wheel, without any extra; nobody changes this one."""
    shared = shared_folder(tmp_path_factory)
    with once(shared, "alone") as target:
        if target is not None:
            uv("venv", "-q", "-p", sys.executable, target)
            Environment(target).install(wheel)
    return Environment(shared / "alone")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a folder with an application of one file, far from the sources."""
    (tmp_path / "main.py").write_text(APPLICATION)
    return tmp_path

"""What is in the wheel and in the source distribution."""

from __future__ import annotations

import tarfile
import zipfile
from email import message_from_string
from typing import TYPE_CHECKING

import pytest

from support.package_wheel import INSTALLING, ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(INSTALLING)

NEEDED = (
    "steadfastapi/py.typed",
    "steadfastapi/console/static/console.css",
    "steadfastapi/console/templates/overview.html",
    "steadfastapi/inbox/redis_write.lua",
    "steadfastapi/inbox/schema/postgres/0001.sql",
    "steadfastapi/inbox/schema/sqlite/0001.sql",
    "steadfastapi/limits/moving_window.lua",
    "steadfastapi/_examples/shop/slo.yml",
)
LEFT_OUT = {".pyc", ".db", ".db-wal", ".db-shm"}
"""What a run leaves beside the sources."""


def sources() -> set[str]:
    """Return the files that belong into the wheel, as it names them."""
    found = {}
    for where, name in (
        ("src/steadfastapi", "steadfastapi"),
        ("examples/shop", "steadfastapi/_examples/shop"),
        ("docs/runbooks", "steadfastapi/_runbooks"),
    ):
        for path in (ROOT / where).rglob("*"):
            if path.is_file() and path.suffix not in LEFT_OUT:
                found[f"{name}/{path.relative_to(ROOT / where).as_posix()}"] = path
    return set(found)


def test_the_wheel_has_what_it_needs_and_nothing_else(wheel: Path) -> None:
    """Every file of the package and of the shop; no test, no cache, no secret."""
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}

    assert sources() == names
    assert set() == set(NEEDED) - names


def test_the_metadata_says_what_is_true(wheel: Path) -> None:
    """License, versions, extras and both entry points."""
    with zipfile.ZipFile(wheel) as archive:
        texts = {
            name.rsplit("/", 1)[1]: archive.read(name).decode()
            for name in archive.namelist()
            if ".dist-info/" in name
        }
    metadata = message_from_string(texts["METADATA"])

    assert ("steadfastapi", "MIT") == (metadata["Name"], metadata["License-Expression"])
    assert ">=3.11" == metadata["Requires-Python"]
    assert "text/markdown" == metadata["Description-Content-Type"]
    assert {"all", "redis", "server"} <= set(metadata.get_all("Provides-Extra", []))
    assert "steadfastapi = steadfastapi.cli:main" in texts["entry_points.txt"]
    assert "[pytest11]" in texts["entry_points.txt"]
    assert "MIT License" in texts["LICENSE"]


def test_the_source_distribution_has_tests_and_docs(distribution: Path) -> None:
    """Whoever packages it again can check it."""
    (archive,) = distribution.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}

    wanted = ("pyproject.toml", "README.md", "CHANGELOG.md", "tests/conftest.py")
    assert set() == {*wanted, "docs/generate.py", "examples/shop/slo.yml"} - names
    assert [] == [name for name in names if "node_modules" in name or "/." in name]

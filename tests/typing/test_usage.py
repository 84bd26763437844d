"""The public interface as type checkers see it, in the applications of others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import steadfastapi
from support.package_checkers import checked_by_mypy, checked_by_pyright

pytestmark = [pytest.mark.proof, pytest.mark.timeout(240)]
USAGE = Path(__file__).with_name("usage.py")
AS_TEXT = """
from steadfastapi import Inbox, Metrics

Metrics(token="scrape-me")
Inbox(url="sqlite:///errors.db")
"""
"""As the README writes it."""


def test_every_exported_name_is_used() -> None:
    """A new name needs an example."""
    words = set(re.findall(r"\w+", USAGE.read_text()))

    assert set() == set(steadfastapi.__all__) - words


def test_the_package_says_that_it_is_typed() -> None:
    """Without the marker, checkers would not look into it."""
    assert Path(steadfastapi.__file__).with_name("py.typed").is_file()


def test_mypy_is_content(tmp_path: Path) -> None:
    """`mypy --strict`, without a plugin, finds each planted mistake and no other."""
    assert "Success: no issues found" in checked_by_mypy(USAGE, tmp_path)


def test_pyright_is_content(tmp_path: Path) -> None:
    """Pyright, strict, as in editors; the planted mistakes are found by it too."""
    assert "0 errors, 0 warnings" in checked_by_pyright(USAGE, tmp_path)


@pytest.mark.xfail(
    strict=True, reason="settings that are secrets are typed SecretStr, not str too"
)
def test_pyright_takes_a_secret_as_text(tmp_path: Path) -> None:
    """What the README shows is not underlined in red."""
    file = tmp_path / "folder" / "as_text.py"
    file.parent.mkdir()
    file.write_text(AS_TEXT)

    assert "0 errors, 0 warnings" in checked_by_pyright(file, tmp_path)

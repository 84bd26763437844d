"""The benchmark of a captured error measures, prints, and is checked."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich.console import Console

from benchmarks import captures

if TYPE_CHECKING:
    import pytest


def test_both_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where fastapi-flare is installed; otherwise ours alone."""
    monkeypatch.setattr(captures, "ERRORS", 4)
    monkeypatch.setattr(captures, "ROUNDS", 1)

    (measured,) = captures.measure()

    assert measured.steadfastapi > 0
    assert measured.flare is None or measured.flare > 0


def test_the_table_says_what_was_not_there() -> None:
    """And the budget does not depend on it."""
    measured = [
        captures.Capture(what="an error", steadfastapi=25.0, flare=700.0),
        captures.Capture(what="another", steadfastapi=75.0, flare=None),
    ]
    shown = io.StringIO()
    Console(file=shown, width=120).print(captures.table(measured))

    assert "0.036" in shown.getvalue()
    assert "not installed" in shown.getvalue()
    assert [True, False] == [one.kept for one in captures.budgets(measured)]

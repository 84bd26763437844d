"""The migration page names everything that fastapi-watch has."""

import importlib
import inspect
from importlib.util import find_spec
from pathlib import Path

import pytest

from steadfastapi import health
from support.services import require

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "migrate-from-fastapi-watch.md"
ELSEWHERE = {
    *("HealthRegistry", "RequestMetricsMiddleware", "RequestMetricsProbe"),
    "render_dashboard",
}
"""Names that have no class here; the page says what there is instead."""


@pytest.fixture(scope="module")
def theirs() -> set[str]:
    """Every public name of fastapi-watch."""
    require("the package fastapi-watch", find_spec("fastapi_watch"))
    modules = [
        importlib.import_module(name)
        for name in ("fastapi_watch", "fastapi_watch.probes")
    ]
    return {name for module in modules for name in module.__all__}


def test_every_name_is_on_the_page(theirs: set[str]) -> None:
    """Also what is not here."""
    text = PAGE.read_text()

    assert [] == sorted(name for name in theirs if f"`{name}" not in text)


def test_every_option_and_method_of_the_registry_is_on_the_page(
    theirs: set[str],
) -> None:
    """With what to write instead."""
    assert theirs
    registry = importlib.import_module("fastapi_watch").HealthRegistry
    names = {name for name in vars(registry) if not name.startswith("_")}
    names |= set(inspect.signature(registry).parameters) - {"app"}
    text = PAGE.read_text()

    assert [] == sorted(name for name in names if f"`{name}" not in text)


def test_every_class_is_here_under_its_name(theirs: set[str]) -> None:
    """So that migrating is a changed import."""
    alerts = importlib.import_module("steadfastapi.alerts")
    missing = {
        name
        for name in theirs - ELSEWHERE
        if not hasattr(health, name) and not hasattr(alerts, name)
    }

    assert set() == missing

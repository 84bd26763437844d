"""Which pages the console has, in the order of its navigation.

Each module has `pages(sources) -> list[Page]`. They are imported when the console is
first visited.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steadfastapi.console.sources import Sources
    from steadfastapi.console.visit import Page

MODULES = (
    "steadfastapi.console.overview",
    "steadfastapi.console.issues",
    "steadfastapi.console.issue",
    "steadfastapi.console.exchanges",
    "steadfastapi.console.logs_page",
    "steadfastapi.console.health_page",
    "steadfastapi.console.limits_page",
    "steadfastapi.console.settings_page",
)


def every(sources: Sources) -> list[Page]:
    """Return all pages."""
    return [
        page
        for module in MODULES
        for page in importlib.import_module(module).pages(sources)
    ]

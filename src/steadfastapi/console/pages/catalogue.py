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
    "steadfastapi.console.pages.overview",
    "steadfastapi.console.pages.issues",
    "steadfastapi.console.pages.issue",
    "steadfastapi.console.pages.exchanges",
    "steadfastapi.console.pages.logs_page",
    "steadfastapi.console.pages.health_page",
    "steadfastapi.console.pages.limits_page",
    "steadfastapi.console.pages.settings_page",
)


def every(sources: Sources) -> list[Page]:
    """Return all pages."""
    return [
        page
        for module in MODULES
        for page in importlib.import_module(module).pages(sources)
    ]

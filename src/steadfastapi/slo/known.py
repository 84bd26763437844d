"""Whether the routes that objectives name are routes of the application."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steadfastapi.slo.objective import Objective


def unknown_handlers(
    objectives: Iterable[Objective], templates: Iterable[str]
) -> list[str]:
    """Return a sentence for each route that an objective names and nobody serves.

    Its rules would be about nothing, and silent for ever.

    Args:
        objectives: What is promised.
        templates: Every route template of the application.
    """
    known = sorted(set(templates))
    problems = []
    for objective in objectives:
        for handler in (*objective.handlers, *objective.exclude_handlers):
            if handler in known:
                continue
            close = difflib.get_close_matches(handler, known, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            problems.append(
                f"The SLO {objective.name!r} names the route {handler!r}, which the "
                f"application does not have: write a template as it is in the label "
                f"`handler`, every prefix included.{hint}"
            )
    return problems

"""The files of the dashboards: their names, and what is in them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from steadfastapi.dashboards import debug, executive, on_call
from steadfastapi.dashboards.expressions import Queries

if TYPE_CHECKING:
    from pathlib import Path

    from steadfastapi.signals import Naming


def dashboards(
    naming: Naming = "default", *, job: str = "", runbooks: str = ""
) -> dict[str, str]:
    """Return the text of each file by its name.

    Args:
        naming: The one that the application exports: `Metrics(names=…)`.
        job: The job that is shown at first; all of them if empty.
        runbooks: Address of the runbooks, one page `<alert>.md` each; if empty, links
            lead to the alert in Grafana, which knows its runbook.
    """
    everywhere = Queries(naming, instances=False)
    by_instance = Queries(naming)
    runbooks = runbooks.rstrip("/")
    boards = (
        (executive.build(everywhere, runbooks), everywhere),
        (on_call.build(by_instance, runbooks), by_instance),
        (debug.build(by_instance), by_instance),
    )
    return {
        f"{board.uid}.json": _text(board.data(queries, job))
        for board, queries in boards
    }


def write(files: dict[str, str], folder: Path) -> list[Path]:
    """Write the files into a folder, which is made if need be; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in files.items():
        path = folder / name
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def _text(data: dict[str, object]) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"

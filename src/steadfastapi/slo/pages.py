"""The runbooks, for rules whose alerts have no other place to link to."""

from __future__ import annotations

from pathlib import Path

from steadfastapi.slo.alerts import RUNBOOKS

LOCAL_GRAFANA = "http://127.0.0.1:3000"
"""Where the panels are that the pages link to: Grafana of the local stack."""


def runbook_pages(dashboards: str) -> dict[str, str]:
    """Return the texts of the pages, by path; none where they are not installed.

    Args:
        dashboards: Address of Grafana, for the links to panels; the local stack's
            when empty.
    """
    folder = _folder()
    if folder is None:
        return {}
    grafana = dashboards.rstrip("/") or LOCAL_GRAFANA
    return {
        f"{RUNBOOKS}/{page.name}": page.read_text(encoding="utf-8").replace(
            f"{LOCAL_GRAFANA}/", f"{grafana}/"
        )
        for page in sorted(folder.glob("*.md"))
    }


def _folder() -> Path | None:
    """In an installed wheel they are inside of the package, else in the checkout."""
    package = Path(__file__).parents[1]
    for folder in (package / "_runbooks", package.parents[1] / "docs" / RUNBOOKS):
        if (folder / "README.md").is_file():
            return folder
    return None

"""The tables of the report that belong to no other module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table

from benchmarks.compositions import COMPOSITIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.budgets import Budget
    from benchmarks.calls import Call
    from benchmarks.summary import PerProcess, PerRequest

REQUEST_COLUMNS = (
    *("µs", "best", "added", "× usual", "× u.+Sentry", "growth"),
    *("calls", "lines", "spans"),
)


def requests(
    routes: int, rows: Sequence[PerRequest], proof: dict[str, dict[str, Any]]
) -> Table:
    """Return the time per request with one number of routes."""
    title = f"Time per request, {routes} route{'' if routes == 1 else 's'}"
    table = Table(title=title, title_justify="left")
    table.add_column("composition", no_wrap=True)
    for name in REQUEST_COLUMNS:
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        recorded = proof[row.composition]
        table.add_row(
            COMPOSITIONS[row.composition].title,
            f"{row.median:.0f} ({row.iqr:.0f})",
            f"{row.best:.0f}",
            f"{row.added:.0f}" if row.added else "–",
            _share(row.of_usual),
            _share(row.of_usual_sentry),
            "–" if row.growth is None else f"{row.growth:+.0f}",
            f"{row.calls:.0f}",
            f"{recorded['log_lines']:.0f}",
            f"{recorded['spans']:.0f}",
        )
    return table


def processes(rows: Sequence[PerProcess]) -> Table:
    """Return what a process costs once."""
    table = Table(title="Once per process", title_justify="left")
    table.add_column("composition", no_wrap=True)
    for name in ("start ms", "(median)", "added", "× usual", "× u.+Sentry"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("RSS MiB", "added"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            COMPOSITIONS[row.composition].title,
            f"{row.startup_ms:.0f}",
            f"{row.startup_median_ms:.0f} ({row.startup_iqr_ms:.0f})",
            f"{row.startup_added_ms:.0f}",
            _share(row.startup_of_usual),
            _share(row.startup_of_usual_sentry),
            f"{row.rss_mib:.1f}",
            f"{row.rss_added_mib:.1f}",
        )
    return table


def calls(rows: Sequence[Call]) -> Table:
    """Return what a call costs that is retried when it fails."""
    table = Table(title="A successful call", title_justify="left")
    table.add_column("of")
    for name in ("bare Tenacity µs", "db_retry µs", "× Tenacity"):
        table.add_column(name, justify="right", no_wrap=True)
    for call in rows:
        table.add_row(
            call.what,
            f"{call.bare_tenacity:.1f}",
            f"{call.db_retry:.1f}",
            _share(call.share),
        )
    return table


def budgets(rows: Sequence[Budget]) -> Table:
    """Return how the budgets are kept."""
    table = Table(title="Budgets of steadfastapi, everything on", title_justify="left")
    table.add_column("what")
    for name in ("measured", "bound", "kept", "goal", "reached"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        sign = "≥ " if row.least else "≤ "
        shown = "[dim]not judged"
        table.add_row(
            row.what,
            f"{row.measured:.2f} {row.unit}",
            "–" if row.bound is None or not row.judged else f"{sign}{row.bound:g}",
            "–" if row.bound is None else _verdict(row.kept) if row.judged else shown,
            "–" if row.goal is None or not row.judged else f"{sign}{row.goal:g}",
            "–" if row.goal is None or not row.judged else _verdict(row.reached),
        )
    return table


def _verdict(good: bool) -> str:
    return "yes" if good else "[bold red]no"


def _share(share: float | None) -> str:
    return "–" if not share else f"{share:.2f}"

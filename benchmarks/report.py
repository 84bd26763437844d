"""The tables for people and the document for machines."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rich.table import Table

from benchmarks import captures, health
from benchmarks.calls import CALLS, ROUNDS
from benchmarks.compositions import COMPOSITIONS
from benchmarks.measure import MEMORY_REQUESTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from benchmarks.budgets import Budget
    from benchmarks.calls import Call
    from benchmarks.captures import Capture
    from benchmarks.health import Compared
    from benchmarks.measure import Effort
    from benchmarks.summary import PerProcess, PerRequest

REQUEST_COLUMNS = (
    *("µs", "best", "added", "× usual", "growth"),
    *("calls", "lines", "spans"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that is reported."""

    machine: dict[str, Any]
    effort: Effort
    proof: dict[str, dict[str, Any]]
    """What each composition recorded per request."""
    requests: Sequence[PerRequest]
    processes: Sequence[PerProcess]
    calls: Sequence[Call]
    health: Sequence[Compared]
    captures: Sequence[Capture]
    budgets: Sequence[Budget]

    def print(self, console: Console) -> None:
        """Print what was measured, where, and whether the budgets are kept."""
        for routes in sorted({row.routes for row in self.requests}):
            rows = [row for row in self.requests if row.routes == routes]
            console.print(_requests_table(routes, rows, self.proof))
        console.print(
            "One GET of a JSON object through an in-process ASGI loop (asyncio, no "
            f"sockets). µs of processor time: median of {self.effort.rounds} "
            f"alternating rounds of {self.effort.requests} requests, and "
            "interquartile range; best: the fastest round; added: best, beyond bare "
            "FastAPI with as many routes; growth: of the fastest request, beyond "
            "bare's own; calls: of functions, beyond bare; lines, spans: recorded per "
            "request. Usual: structlog middleware, Instrumentator, OpenTelemetry "
            "contrib, SlowAPI. steadfastapi limits nothing: without SlowAPI compares "
            "like with like. SlowAPI's middlewares look the route up once more, and "
            "from FastAPI 0.137 on find none below a router.",
            style="dim",
        )
        if self.processes:
            console.print(_processes_table(self.processes))
            console.print(
                f"{self.effort.starts} fresh processes each, 1 route; ms of processor "
                "time, the fastest start, FastAPI's own import included. Memory: "
                f"resident, after {MEMORY_REQUESTS:,} requests. Added: beyond bare.",
                style="dim",
            )
        console.print(_calls_table(self.calls))
        console.print(
            f"µs of processor time beyond the undecorated function; the fastest of "
            f"{ROUNDS} alternating rounds of {CALLS:,} calls.",
            style="dim",
        )
        console.print(health.table(self.health))
        console.print(health.EXPLAINED, style="dim")
        console.print(captures.table(self.captures))
        console.print(captures.EXPLAINED, style="dim")
        if self.budgets:
            console.print(_budgets_table(self.budgets))
        versions = self.machine["versions"].items()
        console.print(
            f"{self.machine['processor']}, {self.machine['cores']} cores, "
            f"{self.machine['system']}, Python {self.machine['python']}; "
            f"{', '.join(f'{name} {version}' for name, version in versions)}.",
            style="dim",
        )

    def document(self) -> dict[str, Any]:
        """Return the same as one JSON document."""
        return {
            "machine": self.machine,
            "effort": asdict(self.effort),
            "compositions": {
                name: {"title": COMPOSITIONS[name].title, "recorded": recorded}
                for name, recorded in self.proof.items()
            },
            "per_request": [asdict(row) for row in self.requests],
            "per_process": [asdict(row) for row in self.processes],
            "calls": [asdict(row) for row in self.calls],
            "health": [asdict(row) for row in self.health],
            "captures": [asdict(row) for row in self.captures],
            "budgets": [{**asdict(one), "kept": one.kept} for one in self.budgets],
        }


def _requests_table(
    routes: int, rows: Sequence[PerRequest], proof: dict[str, dict[str, Any]]
) -> Table:
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
            "–" if row.growth is None else f"{row.growth:+.0f}",
            f"{row.calls:.0f}",
            f"{recorded['log_lines']:.0f}",
            f"{recorded['spans']:.0f}",
        )
    return table


def _processes_table(processes: Sequence[PerProcess]) -> Table:
    table = Table(title="Once per process", title_justify="left")
    table.add_column("composition")
    for name in ("import + configure ms", "added", "× usual", "RSS MiB", "added"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in processes:
        table.add_row(
            COMPOSITIONS[row.composition].title,
            f"{row.startup_ms:.0f}",
            f"{row.startup_added_ms:.0f}",
            _share(row.startup_of_usual),
            f"{row.rss_mib:.1f}",
            f"{row.rss_added_mib:.1f}",
        )
    return table


def _calls_table(calls: Sequence[Call]) -> Table:
    table = Table(title="A successful call", title_justify="left")
    table.add_column("of")
    for name in ("bare Tenacity µs", "db_retry µs", "× Tenacity"):
        table.add_column(name, justify="right", no_wrap=True)
    for call in calls:
        table.add_row(
            call.what,
            f"{call.bare_tenacity:.1f}",
            f"{call.db_retry:.1f}",
            _share(call.share),
        )
    return table


def _budgets_table(budgets: Sequence[Budget]) -> Table:
    table = Table(title="Budgets of steadfastapi, everything on", title_justify="left")
    table.add_column("what")
    for name in ("measured", "bound", "kept"):
        table.add_column(name, justify="right", no_wrap=True)
    for budget in budgets:
        table.add_row(
            budget.what,
            f"{budget.measured:.2f} {budget.unit}",
            f"{budget.bound:g} {budget.unit}",
            "yes" if budget.kept else "[bold red]no",
        )
    return table


def _share(share: float | None) -> str:
    return "–" if not share else f"{share:.2f}"

"""The tables for people and the document for machines."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from benchmarks import captures, health, instructions, load, tables
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
    from benchmarks.instructions import Instructions
    from benchmarks.load import HttpEffort, Throughput
    from benchmarks.measure import Effort
    from benchmarks.summary import PerProcess, PerRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that is reported."""

    machine: dict[str, Any]
    effort: Effort
    http_effort: HttpEffort
    proof: dict[str, dict[str, Any]]
    """What each composition recorded per request."""
    requests: Sequence[PerRequest]
    processes: Sequence[PerProcess]
    throughput: Sequence[Throughput]
    instructions: Sequence[Instructions]
    calls: Sequence[Call]
    health: Sequence[Compared]
    captures: Sequence[Capture]
    budgets: Sequence[Budget]
    skipped: dict[str, str]
    """What could not be measured here, and why."""

    @property
    def exceeded(self) -> list[str]:
        """What is over its bound."""
        return [f"{one.what} ({one.unit})" for one in self.budgets if not one.kept]

    @property
    def missed(self) -> list[str]:
        """What does not reach its goal."""
        return [f"{one.what} ({one.unit})" for one in self.budgets if not one.reached]

    def print(self, console: Console) -> None:
        """Print what was measured, where, and whether the budgets are kept."""
        self._print_requests(console)
        if self.processes:
            console.print(tables.processes(self.processes))
            console.print(
                f"{self.effort.starts} fresh processes each, 1 route; ms of processor "
                "time to import and configure, FastAPI's own import included: the "
                "fastest start, median and interquartile range. Memory: resident, "
                f"after {MEMORY_REQUESTS:,} requests. Added: beyond bare.",
                style="dim",
            )
        if self.throughput:
            console.print(load.table(self.throughput))
            console.print(
                f"uvicorn, and wrk with {load.CONNECTIONS} connections a worker, on "
                f"the same machine: medians of {self.http_effort.rounds} alternating "
                f"rounds of {self.http_effort.seconds} s.",
                style="dim",
            )
        if self.instructions:
            console.print(instructions.table(self.instructions))
            console.print(instructions.EXPLAINED, style="dim")
        console.print(tables.calls(self.calls))
        console.print(
            f"µs of processor time beyond the undecorated function; the fastest of "
            f"{ROUNDS} alternating rounds of {CALLS:,} calls.",
            style="dim",
        )
        console.print(health.table(self.health))
        console.print(health.EXPLAINED, style="dim")
        console.print(captures.table(self.captures))
        console.print(captures.EXPLAINED, style="dim")
        self._print_verdict(console)

    def _print_requests(self, console: Console) -> None:
        for routes in sorted({row.routes for row in self.requests}):
            rows = [row for row in self.requests if row.routes == routes]
            console.print(tables.requests(routes, rows, self.proof))
        console.print(
            "One GET of a JSON object through an in-process ASGI loop (asyncio, no "
            "sockets); its route is in a nested router and registered last. µs of "
            f"processor time: median of {self.effort.rounds} alternating rounds of "
            f"{self.effort.requests} requests, and interquartile range; best: the "
            "fastest round; added: best, beyond bare FastAPI with as many routes; "
            "growth: of the fastest request, beyond bare's own; calls: of functions, "
            "beyond bare; lines, spans: recorded per request. Usual: structlog "
            "middleware, Instrumentator, OpenTelemetry contrib, SlowAPI. SlowAPI's "
            "middlewares look the route up once more, and from FastAPI 0.137 on find "
            "none below a router. All on: Sentry too; it limits nothing, unless the "
            "row says so.",
            style="dim",
        )

    def _print_verdict(self, console: Console) -> None:
        console.print(tables.budgets(self.budgets))
        versions = self.machine["versions"].items()
        console.print(
            f"{self.machine['date']}, {self.machine['processor']}, "
            f"{self.machine['cores']} cores, load {self.machine['load']}, "
            f"{self.machine['system']}, Python {self.machine['python']}; "
            f"{', '.join(f'{name} {version}' for name, version in versions)}.",
            style="dim",
        )
        for what, why in self.skipped.items():
            console.print(f"[bold]Skipped:[/] {what}: {why}.")
        if self.missed:
            console.print(
                f"[bold yellow]Goal not reached:[/] {'; '.join(self.missed)}. "
                "(A goal does not change the exit status.)"
            )
        if self.exceeded:
            console.print(f"[bold red]Over bound:[/] {'; '.join(self.exceeded)}.")
        else:
            console.print("[bold green]Every bound that was measured is kept.")

    def document(self) -> dict[str, Any]:
        """Return the same as one JSON document."""
        return {
            "machine": self.machine,
            "effort": {**asdict(self.effort), "http": asdict(self.http_effort)},
            "compositions": {
                name: {"title": COMPOSITIONS[name].title, "recorded": recorded}
                for name, recorded in self.proof.items()
            },
            "per_request": [asdict(row) for row in self.requests],
            "per_process": [asdict(row) for row in self.processes],
            "throughput": [asdict(row) for row in self.throughput],
            "instructions": [asdict(row) for row in self.instructions],
            "calls": [asdict(row) for row in self.calls],
            "health": [asdict(row) for row in self.health],
            "captures": [asdict(row) for row in self.captures],
            "budgets": [
                {**asdict(one), "kept": one.kept, "reached": one.reached}
                for one in self.budgets
            ],
            "skipped": self.skipped,
        }

"""`python -m benchmarks`: measure, print, and check the budgets."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from rich.console import Console

from benchmarks import (
    budgets,
    calls,
    captures,
    health,
    instructions,
    load,
    options,
    report,
    summary,
)
from benchmarks.compositions import COMPOSITIONS, missing
from benchmarks.measure import Effort, measure

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

WIDTH = 116


def main() -> int:
    """Return the exit status: 1 where a bound is exceeded."""
    given = options.parse()
    console = Console(width=WIDTH)
    with Console(stderr=True).status("starting") as status:
        if given.instructions is not None:
            return _count(given, console, status.update)
        full = _measure(given, status.update)
    full.print(console)
    given.json.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(full.document(), indent=2)
    given.json.write_text(text + "\n", encoding="utf-8")
    console.print(f"Written: {given.json}", style="dim")
    return 1 if full.exceeded and not given.lenient else 0


def _measure(
    given: argparse.Namespace, progress: Callable[[str], None]
) -> report.Report:
    skipped = {
        name: why for name, why in missing().items() if name in given.compositions
    }
    names = [name for name in given.compositions if name not in skipped]
    machine = summary.machine()  # with the load before ours
    effort = Effort(rounds=given.rounds, requests=given.requests, starts=given.starts)
    results = measure(names, given.routes, effort, progress)
    progress("calling functions that are retried")
    called = calls.measure()
    progress("asking for health, and capturing errors")
    compared = health.measure()
    captured = captures.measure()
    http_effort = load.HttpEffort(
        rounds=given.http_rounds,
        seconds=given.http_seconds,
        workers=given.http_workers,
    )
    throughput: list[load.Throughput] = []
    if given.http_rounds and (why := load.missing()):
        skipped["over HTTP"] = why
    elif given.http_rounds:
        served = [name for name in given.http_names if name in names]
        throughput = load.measure(served, http_effort, progress)
    counted: list[instructions.Instructions] = []
    if given.counted and (why := instructions.missing()):
        skipped["instructions"] = why
    elif given.counted:
        few = sorted({min(given.routes), max(given.routes)})
        chosen = [name for name in given.counted if name in names]
        counted = instructions.measure(chosen, few, progress)
    requests = summary.per_request(results)
    processes = summary.per_process(results)
    return report.Report(
        machine=machine,
        effort=effort,
        http_effort=http_effort,
        proof=results.proof,
        requests=requests,
        processes=processes,
        throughput=throughput,
        instructions=counted,
        calls=called,
        health=compared,
        captures=captured,
        budgets=[
            *budgets.check(requests, processes, called, throughput),
            *health.budgets(compared),
            *captures.budgets(captured),
        ],
        skipped=skipped,
    )


def _count(
    given: argparse.Namespace, console: Console, progress: Callable[[str], None]
) -> int:
    if why := instructions.missing():
        console.print(f"[bold red]Nothing is counted:[/] {why}.")
        return 1
    names = [
        name
        for name in given.instructions or COMPOSITIONS
        if COMPOSITIONS[name].available
    ]
    rows = instructions.measure(names, given.routes, progress)
    console.print(instructions.table(rows))
    console.print(instructions.EXPLAINED, style="dim")
    return 0


if __name__ == "__main__":
    sys.exit(main())

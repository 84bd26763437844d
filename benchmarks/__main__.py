"""`python -m benchmarks`: measure, print, and check the budgets."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from rich.console import Console

from benchmarks import budgets, calls, captures, health, report, summary
from benchmarks.compositions import BARE, COMPOSITIONS
from benchmarks.measure import Effort, measure

WIDTH = 104


def main() -> int:
    """Return the exit status: 1 when `--check` finds a budget exceeded."""
    options = _options()
    console = Console(width=WIDTH)
    effort = Effort(
        rounds=options.rounds, requests=options.requests, starts=options.starts
    )
    with Console(stderr=True).status("starting") as status:
        results = measure(options.compositions, options.routes, effort, status.update)
        status.update("calling functions that are retried")
        called = calls.measure()
        status.update("asking for health, and capturing errors")
        compared = health.measure()
        captured = captures.measure()
    requests = summary.per_request(results)
    processes = summary.per_process(results)
    full = report.Report(
        machine=summary.machine(),
        effort=effort,
        proof=results.proof,
        requests=requests,
        processes=processes,
        calls=called,
        health=compared,
        captures=captured,
        budgets=[
            *budgets.check(requests, processes, called),
            *health.budgets(compared),
            *captures.budgets(captured),
        ],
    )
    full.print(console)
    if options.json is not None:
        text = json.dumps(full.document(), indent=2)
        options.json.write_text(text + "\n", encoding="utf-8")
    exceeded = [budget.what for budget in full.budgets if not budget.kept]
    if options.check and exceeded:
        console.print(f"[bold red]Over budget:[/] {'; '.join(exceeded)}.")
        return 1
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    parser.add_argument("--check", action="store_true", help="exit 1 over budget")
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--requests", type=int, default=80, help="of one round")
    parser.add_argument("--starts", type=int, default=5, help="fresh processes each")
    parser.add_argument(
        "--routes",
        type=lambda text: [int(part) for part in text.split(",")],
        default=[1, 200],
        help="numbers of routes, separated by commas",
    )
    parser.add_argument(
        "--compositions",
        type=_names,
        default=list(COMPOSITIONS),
        help=f"of {', '.join(COMPOSITIONS)}; {BARE} is always among them",
    )
    return parser.parse_args()


def _names(text: str) -> list[str]:
    given = text.split(",")
    unknown = [name for name in given if name not in COMPOSITIONS]
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}")
    return [name for name in COMPOSITIONS if name in given or name == BARE]


if __name__ == "__main__":
    sys.exit(main())

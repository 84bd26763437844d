"""What the demo prints before and after."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from steadfastapi.cli import panel
from steadfastapi.cli.tally import OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

    from steadfastapi.cli.checks import Check
    from steadfastapi.cli.log_reader import LogReader
    from steadfastapi.cli.tally import Tally


def starting(console: Console) -> AbstractContextManager[object]:
    """Say that the shop is starting, for as long as it does."""
    if console.is_terminal:
        return console.status("Starting the shop …")
    console.print("Starting the shop …")
    return nullcontext()


def introduce(console: Console, url: str, log: Path, link: str | None) -> None:
    """Say what to open and what to try.

    Args:
        console: Where to say it.
        url: Of the shop.
        log: The shop's.
        link: Opens its console, if it has one.
    """
    console.print(
        Text("A small shop, made production ready by one line: configure(app)"),
        style="bold",
    )
    # For a Prometheus's configuration; rules and dashboards know the job as `shop`.
    target = url.partition("://")[2]
    scrape = f'{{job_name: shop, static_configs: [{{targets: ["{target}"]}}]}}'
    for name, value in (
        ("shop", f"{url}/docs"),
        ("console", link),
        ("metrics", f"{url}/metrics"),
        ("scrape", f"scrape_configs: [{scrape}]"),
        ("health", f"{url}/health/status"),
        ("log", f"tail -f {log}"),
        ("an error", f"curl -i {url}/debug/crash"),
    ):
        if value:
            console.print(Text(f"  {name:<9} {value}"), soft_wrap=True)


def verdict(console: Console, checks: Sequence[Check]) -> int:
    """Say in one line how it went, and return the exit code."""
    failed = sum(not check.passed for check in checks)
    if failed:
        console.print(Text(f"{failed} of {len(checks)} checks failed."), style="red")
        return 1
    console.print(Text("Everything that was sent is accounted for."), style="green")
    return 0


def print_summary(
    console: Console, tally: Tally, log: LogReader, checks: Sequence[Check]
) -> None:
    """Print outcomes, statuses, latencies, errors and the checks."""
    console.print()
    console.rule(Text(f"{panel.clock(tally.elapsed)}, {tally.sent} requests"), style="")
    side_by_side = Table.grid(padding=(0, 6, 0, 0))
    side_by_side.add_row(_outcomes(tally), _statuses(tally))
    console.print(side_by_side)
    for table in (panel.routes(tally), panel.errors(tally)):
        console.print()
        console.print(table)
    console.print()
    console.print(_others(tally, log))
    console.print()
    console.print(_checks(checks))


def _outcomes(tally: Tally) -> Table:
    whole = sum(tally.outcomes.values())
    table = panel.columns("outcome", "requests", "share")
    for outcome in OUTCOMES:
        count = tally.outcomes[outcome]
        if count:
            name = Text(outcome, style=panel.STYLES[outcome])
            table.add_row(name, str(count), panel.percent(count, whole))
    return table


def _statuses(tally: Tally) -> Table:
    table = panel.columns("status", "requests")
    for status, count in sorted(tally.statuses.items()):
        table.add_row(str(status), str(count))
    if tally.outcomes["aborted"]:
        table.add_row("hung up", str(tally.outcomes["aborted"]))
    return table


def _others(tally: Tally, log: LogReader) -> Text:
    line = f"The shop asked its shipping partner {log.partner_calls} times"
    line += f", and was scraped {tally.scrapes} times."
    if tally.sockets:
        line += f" Customers opened {tally.sockets} WebSockets."
    limited = tally.outcomes["limited"]
    if limited:
        line += f" A robot that guesses passwords was refused {limited} times."
    if tally.hidden_hiccups:
        line += f" {tally.hidden_hiccups} database hiccups were hidden by a retry."
    if tally.outages:
        line += " The partner had an outage, which /health/status showed."
    if log.visitors:
        line += f" Visitors sent {log.visitors} requests."
    return Text(line)


def _checks(checks: Sequence[Check]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    table.add_column("read back from the running shop", overflow="fold")
    for name in ("expected", "found", ""):
        table.add_column(name, justify="right", no_wrap=True, min_width=len("FAILED"))
    for check in checks:
        verdict = Text("ok", "green") if check.passed else Text("FAILED", "bold red")
        table.add_row(Text(check.name), str(check.expected), str(check.found), verdict)
        for example in check.examples:
            table.add_row(Text(f"  {example}", style="red"))
    return table

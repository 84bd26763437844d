"""What `benchmarks/adopt.py` prints."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from rich.console import Console

    from benchmarks.adoption.compare import Differences
    from benchmarks.adoption.run import Run

MAX_ROWS = 25
COLOURS = {"passed": "green", "failed": "red", "error": "red", "missing": "red"}


def show(
    console: Console,
    without: Run,
    with_it: Run,
    found: Differences,
    *,
    every: bool,
) -> None:
    """Print the differences, or that there are none.

    Args:
        console: Where to.
        without: The run without steadfastapi.
        with_it: The run with it.
        found: How they differ.
        every: Whether tests that agree are listed, too, with their durations.
    """
    if found.tests or every:
        console.print(_tests(without, with_it, found, every=every))
    if found.responses:
        console.print(_responses(found))
    if found.warnings:
        console.print(_warnings(found))
    if found.promised:
        console.print(_promised(found))
    console.print(
        f"{len(with_it.tests)} tests ({_outcomes(with_it)}), "
        f"{len(with_it.exchanges)} requests; {without.seconds:.1f} s without, "
        f"{with_it.seconds:.1f} s with."
    )
    verdict = "[bold red]They differ." if found else "[bold green]No difference."
    console.print(verdict)


def _tests(without: Run, with_it: Run, found: Differences, *, every: bool) -> Table:
    table = Table(title="Tests", title_justify="left")
    table.add_column("test", overflow="fold")
    for name in ("without", "with"):
        table.add_column(name, no_wrap=True)
    table.add_column("why", overflow="fold")
    changed = {one.test: one for one in found.tests}
    for test in dict.fromkeys([*without.tests, *with_it.tests]):
        one = changed.get(test)
        if one is None and not every:
            continue
        why = escape(one.why) if one else ""
        if one and one.promised:
            why += f"\n[dim]promised: {escape('; '.join(one.promised))}[/]"
        before, after = _outcome(without, test), _outcome(with_it, test)
        table.add_row(escape(test), before, after, why)
    return table


def _outcome(run: Run, test: str) -> str:
    known = run.tests.get(test)
    if known is None:
        return "[red]missing[/]"
    outcome = known["outcome"]
    colour = COLOURS.get(outcome, "yellow")
    return f"[{colour}]{outcome}[/] {known['seconds'] * 1000:.0f} ms"


def _responses(found: Differences) -> Table:
    table = Table(title="Responses, not as promised", title_justify="left")
    for name in ("test", "request", "without", "with"):
        table.add_column(name, overflow="fold")
    alike: dict[tuple[str, str, str], list[str]] = {}
    for one in found.responses:
        key = (one.request, one.without, one.with_it)
        alike.setdefault(key, []).append(one.test)
    for row, tests in list(alike.items())[:MAX_ROWS]:
        more = f" and {len(tests) - 1} more" if len(tests) > 1 else ""
        table.add_row(*map(escape, (f"{tests[0]}{more}", *row)))
    if len(alike) > MAX_ROWS:
        table.add_row(f"and {len(alike) - MAX_ROWS} more kinds; --json has them all")
    return table


def _warnings(found: Differences) -> Table:
    table = Table(title="New warnings", title_justify="left")
    for name in ("category", "message"):
        table.add_column(name, overflow="fold")
    for row in found.warnings:
        table.add_row(*map(escape, row))
    return table


def _promised(found: Differences) -> Table:
    table = Table(title="Promised: no difference", title_justify="left", style="dim")
    table.add_column("responses", justify="right")
    table.add_column("what the error contract changes")
    for reason, count in found.promised.items():
        table.add_row(str(count), escape(reason))
    return table


def _outcomes(run: Run) -> str:
    counts = Counter(test["outcome"] for test in run.tests.values())
    return ", ".join(f"{count} {outcome}" for outcome, count in counts.most_common())

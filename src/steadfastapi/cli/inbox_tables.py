"""Issues as people read them in a terminal."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steadfastapi.inbox.entry import Entry, Frame
    from steadfastapi.inbox.store import Issue

WIDE = 120
"""Columns of a terminal that has room for everything."""
BARS = " ▁▂▃▄▅▆▇█"
_STYLES = {"error": "red", "warning": "yellow"}


def issues_table(issues: Sequence[Issue]) -> None:
    """Print issues as a table; a wide terminal shows more of them."""
    console = Console()
    wide = console.width >= WIDE
    table = Table(title=None if issues else "no issues", box=SIMPLE)
    table.add_column("issue", no_wrap=True)
    table.add_column("count", justify="right", no_wrap=True)
    table.add_column("level", no_wrap=True)
    table.add_column("title and route", overflow="fold")
    table.add_column("last seen, UTC", no_wrap=True)
    if wide:
        table.add_column("users", justify="right", no_wrap=True)
        table.add_column("state", no_wrap=True)
        table.add_column("24 hours", no_wrap=True)
    for issue in issues:
        more = (str(issue.users), issue.state, sparkline(issue.spark)) if wide else ()
        # `Text`: what an error says is no markup.
        title = Text(issue.title)
        if issue.route:
            title.append(f"\n{issue.route}", "dim")
        table.add_row(
            issue.id,
            str(issue.count),
            Text(issue.level, _STYLES[issue.level]),
            title,
            moment(issue.last_seen),
            *more,
        )
    console.print(table)


def issue_page(issue: Issue, entries: Sequence[Entry]) -> None:
    """Print one issue, its latest entry and when it happened before."""
    console = Console()
    console.print(Text(issue.title, "bold"))
    facts = Table.grid(padding=(0, 2))
    for name, value in _facts(issue):
        facts.add_row(Text(name, "dim"), Text(value))
    console.print(facts)
    if entries:
        _entry(console, entries[0])
    for entry in entries[1:]:
        console.print(Text(f"{moment(entry.at)}  {entry.id}  {entry.title}", "dim"))


def sparkline(counts: Sequence[int]) -> str:
    """Return counts as bars, the largest a full one."""
    most = max((*counts, 1))
    return "".join(BARS[-(-count * (len(BARS) - 1) // most)] for count in counts)


def moment(at: float) -> str:
    """Return a Unix time in UTC, to the second."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _facts(issue: Issue) -> list[tuple[str, str]]:
    return [
        ("issue", issue.id),
        ("state", issue.state),
        ("level", issue.level),
        ("event", issue.event),
        ("route", issue.route or "–"),
        ("where", issue.culprit or "–"),
        ("count", f"{issue.count}, {issue.users} users"),
        ("seen", f"{moment(issue.first_seen)} to {moment(issue.last_seen)} UTC"),
        ("releases", ", ".join(issue.releases) or "–"),
        ("24 hours", sparkline(issue.spark)),
    ]


def _entry(console: Console, entry: Entry) -> None:
    console.print()
    console.print(Text(f"{moment(entry.at)}  {entry.id}", "dim"))
    console.print(Text(entry.message))
    for fault in reversed(entry.faults):
        for in_app, group in groupby(fault.frames, lambda frame: frame.in_app):
            frames = list(group)
            if in_app or frames[-1] is fault.frames[-1]:
                _frames(console, frames)
            else:
                names = dict.fromkeys(_package(frame.file) for frame in frames)
                text = f"  {len(frames)} frames of {', '.join(names)}"
                console.print(Text(text, "dim"))
        console.print(Text(f"{fault.type}: {fault.message}", "red"))
    for part in (entry.request, entry.fields, entry.context):
        if part:
            console.print(Text(", ".join(f"{k}={v}" for k, v in part.items()), "dim"))


def _frames(console: Console, frames: Sequence[Frame]) -> None:
    for frame in frames:
        place = f"  {frame.file}:{frame.line} in {frame.function}"
        console.print(Text(place, "cyan" if frame.in_app else "dim"))
        if frame.source:
            console.print(Text(f"    {frame.source}", "" if frame.in_app else "dim"))


def _package(file: str) -> str:
    """Return the package of a frame that is none of the application's."""
    return "python" if file.startswith(("/", "<")) else file.partition("/")[0]

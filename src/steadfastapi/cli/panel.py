"""What the demo shows while it runs: a live panel, or plain lines."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel as Frame
from rich.table import Table
from rich.text import Text

from steadfastapi.cli.tally import OUTCOMES, Outcome, Tally

if TYPE_CHECKING:
    from types import TracebackType

    from steadfastapi.cli.log_reader import LogReader

RESERVED = 13
"""Lines of the screen that are not table rows: what is printed above, the frame, two
headlines with a gap, the heading of the table and the last line."""
STYLES: dict[Outcome, str] = {
    "ok": "green",
    "client_error": "yellow",
    "limited": "magenta",
    "server_error": "red",
    "aborted": "cyan",
}
PROGRESS_EVERY = 5.0


class View(Protocol):
    """Shows a tally while it grows."""

    def __enter__(self) -> Self:
        """Begin to show."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave the screen tidy."""

    def update(self, tally: Tally, log: LogReader) -> None:
        """Show the numbers of this moment, several times a second."""


def view(console: Console, seconds: float | None) -> View:
    """Return the view that fits where the output goes."""
    if console.is_terminal and not console.is_dumb_terminal:
        return Panel(console, seconds)
    return Progress(console, seconds)


class Progress:
    """One line every few seconds, for logs of CI and for pipes."""

    def __init__(self, console: Console, seconds: float | None) -> None:
        self._console = console
        self._every = min(PROGRESS_EVERY, (seconds or 4 * PROGRESS_EVERY) / 4)
        self._due = time.monotonic() + min(1.0, self._every)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pass

    def update(self, tally: Tally, log: LogReader) -> None:  # noqa: ARG002
        """Print a line when it is time."""
        if time.monotonic() < self._due:
            return
        self._due += self._every
        counts = ", ".join(
            f"{tally.outcomes[outcome]} {outcome}"
            for outcome in OUTCOMES
            if tally.outcomes[outcome]
        )
        self._console.print(
            f"{clock(tally.elapsed)}  {tally.rate():.0f} requests/s, "
            f"{tally.sent} sent: {counts}",
            soft_wrap=True,
            markup=False,
            highlight=False,
        )


class Panel:
    """Tables that are drawn anew several times a second."""

    def __init__(self, console: Console, seconds: float | None) -> None:
        self._console = console
        self._seconds = seconds
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._live.stop()

    def update(self, tally: Tally, log: LogReader) -> None:
        """Draw."""
        self._live.update(self._render(tally, log), refresh=True)

    def _render(self, tally: Tally, log: LogReader) -> Group:
        rows = max(4, self._console.height - RESERVED)
        grid = Table.grid(expand=True, padding=(0, 2, 0, 0))
        grid.add_column()
        grid.add_column(ratio=1)
        grid.add_row(routes(tally, rows), errors(tally, rows))
        frame = Frame(
            Group(self._headline(tally, log), _outcome_line(tally), "", grid),
            title="steadfastapi demo",
            title_align="left",
            border_style="dim",
        )
        end = "ends by itself" if self._seconds else "runs until Ctrl-C"
        # A short last line: what a terminal echoes for Ctrl-C must not wrap.
        return Group(frame, Text(f"The demo {end}, with a summary.", style="dim"))

    def _headline(self, tally: Tally, log: LogReader) -> Text:
        total = f" of {clock(self._seconds)}" if self._seconds else ""
        line = Text(f"{clock(tally.elapsed)}{total}", style="bold")
        line.append(f"   {tally.rate():.0f} requests/s")
        line.append(f"   {tally.sent + tally.sockets} sent", style="not bold")
        line.append(f"   {log.access_lines} in the log", style="not bold")
        return line


def clock(seconds: float) -> str:
    """Return a duration as `m:ss`."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def percent(part: int, whole: int) -> str:
    """Return a share as people write it."""
    return f"{100 * part / max(1, whole):.1f} %"


def milliseconds(seconds: float) -> str:
    """Return a latency in milliseconds, two digits of it at least."""
    value = seconds * 1000
    return f"{value:.1f}" if value < 10 else f"{value:.0f}"  # noqa: PLR2004


def routes(tally: Tally, limit: int | None = None) -> Table:
    """Return the latencies of the busiest routes."""
    table = columns("route", "sent", "p50 ms", "p95 ms")
    busiest = sorted(tally.latencies.items(), key=lambda item: -item[1].count)
    for route, latency in busiest[:limit]:
        median, high = latency.quantiles()
        table.add_row(
            Text(route), str(latency.count), milliseconds(median), milliseconds(high)
        )
    return table


def errors(tally: Tally, limit: int | None = None) -> Table:
    """Return the error responses by their detail."""
    # One column with a ratio: it is the one that gives way on a narrow screen.
    table = Table(
        box=None, padding=(0, 1, 0, 0), header_style="bold", pad_edge=False, expand=True
    )
    table.add_column(justify="right", no_wrap=True, min_width=3)
    table.add_column("error by detail", no_wrap=True, overflow="ellipsis", ratio=1)
    for detail, count in tally.errors.most_common(limit):
        table.add_row(str(count), Text(detail))
    return table


def columns(first: str, *numbers: str) -> Table:
    """Return an empty table without lines: a name, then numbers."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    table.add_column(first, no_wrap=True, overflow="ellipsis")
    for number in numbers:
        table.add_column(number, justify="right", no_wrap=True, min_width=len(number))
    return table


def _outcome_line(tally: Tally) -> Text:
    line = Text()
    for outcome in OUTCOMES:
        if tally.outcomes[outcome]:
            line.append(f"{tally.outcomes[outcome]} {outcome}   ", STYLES[outcome])
    return line

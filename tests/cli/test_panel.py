"""What the demo shows while it runs."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from steadfastapi.cli import panel
from steadfastapi.cli.checks import Check
from steadfastapi.cli.log_reader import LogReader
from steadfastapi.cli.summary import print_summary, starting, verdict
from steadfastapi.cli.tally import Latency, Tally, outcome_of

LOG = LogReader(Path("nowhere"), "demo-")


def busy_tally() -> Tally:
    """Return the tally of a busy day."""
    tally = Tally(sent=400, sockets=2, crashes=9)
    for number in range(40):
        tally.answered(f"GET /a/rather/long/path/{{number}}/{number}", 200, 0.004)
        tally.answered("POST /orders", 500, 0.2)
        tally.error(500, f"Internal server error number {number}")
    tally.left()
    return tally


@pytest.mark.parametrize("size", [(80, 24), (120, 50), (60, 12)])
def test_panel_fits_the_screen(size: tuple[int, int]) -> None:
    """Whatever the terminal, the panel and the lines above it fit."""
    width, height = size
    output = io.StringIO()
    console = Console(
        file=output, force_terminal=True, width=width, height=height, color_system=None
    )
    screen = panel.view(console, None)
    assert isinstance(screen, panel.Panel)
    console.print(screen._render(busy_tally(), LOG))
    lines = output.getvalue().splitlines()
    assert max(len(line) for line in lines) <= width
    assert len(lines) <= max(height - 5, 13)
    assert "40 ok   40 server_error   1 aborted" in output.getvalue()
    assert len(lines[-1].rstrip()) < width - 2  # room for the echo of Ctrl-C


def test_panel_is_taken_away_at_the_end() -> None:
    """The panel leaves the screen to the summary, and shows how long it takes."""
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, width=80, height=24)
    with panel.view(console, 20.0) as screen:
        screen.update(busy_tally(), LOG)
    assert "0:00 of 0:20" in output.getvalue()
    assert "ends by itself" in output.getvalue()
    assert output.getvalue().endswith("\x1b[2K")


def test_without_a_terminal_there_are_plain_lines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In a pipe a line comes every few seconds, and no control character."""
    output = io.StringIO()
    console = Console(file=output, width=80)
    with panel.view(console, 8.0) as screen, starting(console):
        assert isinstance(screen, panel.Progress)
        assert 2.0 == screen._every
        screen.update(busy_tally(), LOG)
        assert "Starting the shop …\n" == output.getvalue()
        screen._due = 0.0
        screen.update(busy_tally(), LOG)
    last = output.getvalue().splitlines()[-1]
    assert last.endswith("400 sent: 40 ok, 40 server_error, 1 aborted")
    assert "\x1b" not in output.getvalue()


def test_summary_shows_what_failed() -> None:
    """A failed check stands out, with its reasons, and decides the exit code."""
    output = io.StringIO()
    console = Console(file=output, width=80)
    wrong = Check(name="requests", expected=2, found=1, examples=("one [lost]",))
    checks = [wrong, Check(name="crashes", expected=1, found=1)]
    print_summary(console, busy_tally(), LOG, checks)
    assert 1 == verdict(console, checks)
    assert 0 == verdict(console, checks[1:])
    out = output.getvalue()
    assert "requests" in out
    assert "FAILED" in out
    assert "  one [lost]" in out
    assert "1 of 2 checks failed." in out
    assert "hung up" in out


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, "ok"),
        (302, "ok"),
        (404, "client_error"),
        (429, "limited"),
        (500, "server_error"),
    ],
)
def test_outcomes_are_those_of_the_service(status: int, outcome: str) -> None:
    """A response counts on our side as it does in the logs."""
    assert outcome == outcome_of(status)


def test_quantiles_of_few_samples() -> None:
    """One sample is its own median, none is zero."""
    latency = Latency()
    assert (0.0, 0.0) == latency.quantiles()
    latency.add(2.0)
    assert (2.0, 2.0) == latency.quantiles()
    for number in range(1, 100):
        latency.add(number / 100)
    median, high = latency.quantiles()
    assert 0.4 < median < 0.6
    assert high > 0.9

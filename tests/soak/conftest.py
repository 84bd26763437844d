"""What the tests of minutes have to say at the end."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from rich.console import Console

if TYPE_CHECKING:
    import pytest

WIDTH = 180


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the outage matrix, if it was measured in this process."""
    measured: list[Any] = next(
        (
            module.measured
            for module in tuple(sys.modules.values())
            if getattr(module, "__file__", None) == _MATRIX
        ),
        [],
    )
    if not measured:
        return
    from support.outage_report import table

    console = Console(file=None, width=WIDTH, record=True)
    with console.capture() as captured:
        console.print(table(measured))
    terminalreporter.write_line("")
    terminalreporter.write(captured.get())


_MATRIX = str(__file__).replace("conftest.py", "test_outages.py")

"""The command as a whole."""

import subprocess
import sys

from cli.conftest import RunCli
from steadfastapi import __version__

HEAVY = """
import sys
from steadfastapi.cli import main
sys.argv = ["steadfastapi", "--help"]
try:
    main()
except SystemExit:
    heavy = {"fastapi", "httpx", "prometheus_client", "rich", "sqlalchemy", "structlog"}
    print("imported", sorted(heavy & sys.modules.keys()))
"""


def test_help_lists_the_commands_without_heavy_imports() -> None:
    """`--help` answers before the frameworks are imported."""
    done = subprocess.run(
        [sys.executable, "-c", HEAVY], capture_output=True, text=True, check=True
    )
    assert all(name in done.stdout for name in ("demo", "plan", "version"))
    assert "imported []" == done.stdout.splitlines()[-1]


def test_version_names_what_a_bug_report_needs(run_cli: RunCli) -> None:
    """The version comes with those of FastAPI, Starlette and Python."""
    ended = run_cli("version")
    assert 0 == ended.code
    assert ended.out.startswith(f"steadfastapi {__version__} (FastAPI ")
    assert all(name in ended.out for name in ("Starlette ", "Python 3."))


def test_without_a_command_it_shows_its_help(run_cli: RunCli) -> None:
    """`steadfastapi` alone is a question."""
    ended = run_cli()
    assert "Usage: steadfastapi" in ended.out + ended.err

"""The command `steadfastapi`.

One module a command; each imports what it needs when it runs, so that
`steadfastapi --help` answers at once.
"""

from __future__ import annotations


def main() -> None:
    """Run the command line; the entry point of the package."""
    from steadfastapi.cli.app import app  # noqa: PLC0415 - Typer only for the CLI

    app(prog_name="steadfastapi")

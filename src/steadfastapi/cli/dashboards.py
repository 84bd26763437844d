"""`steadfastapi dashboards`: write Grafana dashboards for an application."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - Typer reads the annotations
from typing import Annotated, Literal

import typer


def dashboards(
    *,
    out: Annotated[
        Path,
        typer.Option(help="Folder to write to; made if it is not there."),
    ],
    names: Annotated[
        Literal["default", "otel"],
        typer.Option(help="How the application names its metrics: Metrics(names=…)."),
    ] = "default",
    job: Annotated[
        str,
        typer.Option(help="Job of the Prometheus scrape to show at first; all if not."),
    ] = "",
    runbooks: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="Where <alert>.md is served; by default links lead to the alert.",
        ),
    ] = "",
) -> None:
    """Write the executive, the on-call and the debug dashboard as files for Grafana.

    Provision the folder, or import the files one by one. Ends with 2 when the folder
    cannot be written.
    """
    from steadfastapi.dashboards import files  # noqa: PLC0415 - not for --help

    try:
        written = files.write(files.dashboards(names, job=job, runbooks=runbooks), out)
    except OSError as error:
        typer.echo(f"Cannot write to --out {out}: {error}", err=True)
        raise typer.Exit(2) from None
    for path in written:
        typer.echo(str(path))

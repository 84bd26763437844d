"""`steadfastapi demo`: the shop under uvicorn, with customers, until Ctrl-C."""

from __future__ import annotations

import os
from typing import Annotated, NoReturn

import typer

MIN_SECONDS = 1


def demo(
    *,
    seconds: Annotated[
        float | None,
        typer.Option(min=MIN_SECONDS, help="End after this time instead of Ctrl-C."),
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="First port to try; 0 for any.")
    ] = 8000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the directory with log and data.")
    ] = False,
    telemetry: Annotated[
        bool,
        typer.Option(
            "--telemetry",
            help="Send to Sentry and OTLP too, where SENTRY_* and OTEL_* say so.",
        ),
    ] = False,
) -> None:
    """Serve a small shop, send it realistic traffic, and show what comes of it.

    Ends with 0 when everything that was sent is found again in the shop's logs and
    metrics, with 1 when something is missing or the shop dies.
    """
    from steadfastapi.cli import shop  # noqa: PLC0415 - not for --help

    missing = shop.missing_packages()
    if missing:
        _fail(
            f"The demo needs {', '.join(missing)}: pip install 'steadfastapi[demo]'", 2
        )
    app_dir = shop.shop_folder()
    if app_dir is None:
        _fail("The shop is not part of this installation: install the wheel again.", 2)
    ignored = [] if telemetry else shop.ignored_addresses(os.environ)
    if ignored:
        typer.echo(f"{', '.join(ignored)}: not used; --telemetry sends there, too.")
    from steadfastapi.cli.session import Options, run  # noqa: PLC0415 - needs httpx

    options = Options(
        app_dir=app_dir,
        host=host,
        port=_choose_port(host, port),
        seconds=seconds,
        keep=keep,
        telemetry=telemetry,
    )
    raise typer.Exit(run(options))


def _choose_port(host: str, wanted: int) -> int:
    from steadfastapi.cli.ports import free_port  # noqa: PLC0415 - not for --help

    try:
        port = free_port(host, wanted)
    except OSError as error:
        _fail(f"Cannot listen on {host} port {wanted}: {error.strerror}.", 2)
    if wanted not in (0, port):
        typer.echo(f"Port {wanted} is in use; the shop runs on {port} instead.")
    return port


def _fail(message: str, code: int) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(code)

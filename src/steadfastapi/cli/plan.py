"""`steadfastapi plan module:app`: what `configure` did, without serving."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from steadfastapi.cli.target import load_stack

if TYPE_CHECKING:
    from steadfastapi._stack import Stack

NOT_CONFIGURED = """\
{target} is a FastAPI application, and configure() was not called on it.

    from steadfastapi import configure

    stack = configure(app)

Call it anywhere after the application is created and before it is served."""


def plan(
    target: Annotated[
        str,
        typer.Argument(
            metavar="MODULE:APP", help="The application, e.g. shop.main:app."
        ),
    ],
    *,
    factory: Annotated[
        bool, typer.Option("--factory", help="APP is a function that returns it.")
    ] = False,
    app_dir: Annotated[
        str, typer.Option(help="Look for MODULE here instead of this directory.")
    ] = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, settings masked.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Show the traceback of what failed.")
    ] = False,
) -> None:
    """Print what configure() made of an application, without serving it.

    Ends with 1 when the application is not configured, with 2 when it cannot be
    imported or its settings are wrong.
    """
    stack = load_stack(target, app_dir=app_dir, factory=factory, verbose=verbose)
    if stack is None:
        typer.echo(NOT_CONFIGURED.format(target=target), err=True)
        raise typer.Exit(1)
    _print(stack, as_json=as_json)


def _print(stack: Stack, *, as_json: bool) -> None:
    logs = sys.modules.get("steadfastapi.logs.pipeline")
    if logs is not None and logs.pipeline.stream is None:
        logs.pipeline.stream = sys.stderr  # threads of the application still log
    if not as_json:
        print(stack)
        return
    import orjson  # noqa: PLC0415 - not for --help

    from steadfastapi._plan_data import as_data  # noqa: PLC0415

    typer.echo(orjson.dumps(as_data(stack), option=orjson.OPT_INDENT_2))

"""The application that a command is about: loaded, or what is wrong with it said."""

from __future__ import annotations

import contextlib
import sys
import traceback
from typing import TYPE_CHECKING, NoReturn

import typer

if TYPE_CHECKING:
    from steadfastapi._stack import Stack


def load_stack(
    target: str, *, app_dir: str, factory: bool, verbose: bool = False
) -> Stack | None:
    """Import an application, and return what `configure` made of it.

    Args:
        target: E.g. `shop.main:app`.
        app_dir: Where to look for the module; the working directory by default.
        factory: Whether the attribute is a function that returns the application.
        verbose: Whether to show the traceback of what failed.

    Returns:
        None where `configure` was not called.

    Raises:
        typer.Exit: With 2, for there is no such application or its settings are
            wrong; stderr says which.
    """
    from steadfastapi._configure import stack_of  # noqa: PLC0415 - not for --help
    from steadfastapi.cli.loading import LoadError, load_app  # noqa: PLC0415
    from steadfastapi.exceptions import ConfigurationError  # noqa: PLC0415

    # Whatever the application prints or logs meanwhile is no output of ours.
    with contextlib.redirect_stdout(sys.stderr):
        try:
            return stack_of(load_app(target, app_dir=app_dir, factory=factory))
        except LoadError as error:
            _fail(error, error.__cause__ if verbose else None)
        except ConfigurationError as error:
            _fail(error, error if verbose else None)


def _fail(error: Exception, cause: BaseException | None) -> NoReturn:
    if cause is not None:
        traceback.print_exception(cause, file=sys.stderr)
    typer.echo(str(error), err=True)
    raise typer.Exit(2)

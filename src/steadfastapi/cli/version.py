"""`steadfastapi version`."""

from __future__ import annotations

import platform

import typer


def version() -> None:
    """Print the versions that a bug report needs."""
    from steadfastapi import __version__  # noqa: PLC0415 - not for --help
    from steadfastapi._service import package_version  # noqa: PLC0415

    fastapi, starlette = package_version("fastapi"), package_version("starlette")
    typer.echo(
        f"steadfastapi {__version__} (FastAPI {fastapi}, Starlette {starlette}, "
        f"Python {platform.python_version()})"
    )

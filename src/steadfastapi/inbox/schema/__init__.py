"""Scripts that make and change the schema, one folder for each kind of database."""

from __future__ import annotations

from importlib import resources


def migrations(database: str) -> list[str]:
    """Return the scripts in order; how many have run is the version of a schema."""
    folder = resources.files(__name__) / database
    files = [file for file in folder.iterdir() if file.name.endswith(".sql")]
    files.sort(key=lambda file: file.name)
    return [file.read_text(encoding="utf-8") for file in files]

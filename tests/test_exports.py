"""The public names, and what importing them costs."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import steadfastapi

LAYERS = (
    "console",
    "contract",
    "health",
    "inbox",
    "limits",
    "logs",
    "metrics",
    "sentry",
    "slo",
    "tracing",
    "watchdog",
)
LOOK = frozenset({"assets", "look"})
"""What the console lends to a page of another layer: templates, styles, scripts."""
HEAVY = {
    "limits": "slowapi",
    "logs": "structlog",
    "metrics": "prometheus_client",
    "sentry": "sentry_sdk",
    "tracing": "opentelemetry.sdk",
}
"""What a layer brings that nobody else here does."""


PROGRAM = """
import os, sys
import steadfastapi
print("package", *sys.modules)
from fastapi import FastAPI
for alone in (None, *LAYERS):
    sys.stdout.flush()
    if os.fork() == 0:
        steadfastapi.configure(FastAPI(), **{name: name == alone for name in LAYERS})
        print(alone, *sys.modules)
        sys.stdout.flush()
        os._exit(0)
    assert os.wait()[1] == 0
"""


@pytest.fixture(scope="module")
def loaded() -> dict[str, set[str]]:
    """Modules in a fresh interpreter: after the import, and with one layer on."""
    ended = subprocess.run(
        [sys.executable, "-c", f"LAYERS = {LAYERS}\n{PROGRAM}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == ended.returncode, ended.stderr
    lines = [line.split() for line in ended.stdout.splitlines()]
    return {name: set(modules) for name, *modules in lines}


def layers_in(modules: set[str]) -> set[str]:
    """Return the layers of which something is loaded."""
    return {layer for layer in LAYERS if f"steadfastapi.{layer}" in modules}


def test_the_list_of_names_is_sorted_and_complete() -> None:
    """As is the table of where each lives, and what type checkers see."""
    assert steadfastapi.__file__ is not None
    tree = ast.parse(Path(steadfastapi.__file__).read_text())
    imported = [
        alias.asname
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if (node.module or "").startswith("steadfastapi")
    ]

    assert sorted(steadfastapi.__all__) == steadfastapi.__all__
    assert steadfastapi.__all__ == list(steadfastapi._HOMES)
    assert steadfastapi.__all__ == sorted(name for name in imported if name)


@pytest.mark.parametrize("name", steadfastapi.__all__)
def test_every_name_can_be_imported(name: str) -> None:
    """And is documented, and listed by `dir`."""
    value = getattr(steadfastapi, name)

    assert value.__doc__
    assert name in dir(steadfastapi)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """As of any module."""
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        steadfastapi.nothing  # noqa: B018 - the access is the test


def test_importing_the_package_loads_no_layer(loaded: dict[str, set[str]]) -> None:
    """Names are loaded when they are first used, FastAPI included."""
    ours = {name for name in loaded["package"] if "steadfastapi" in name}

    assert {"steadfastapi"} == ours
    assert "fastapi" not in loaded["package"]


def test_a_layer_that_is_off_is_not_loaded(loaded: dict[str, set[str]]) -> None:
    """Neither its modules, nor what they bring."""
    assert "steadfastapi._configure" in loaded["None"]
    assert set() == layers_in(loaded["None"])
    assert set() == set(HEAVY.values()) & loaded["None"]


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_alone_loads_no_other(layer: str, loaded: dict[str, set[str]]) -> None:
    """Layers do not import each other: they meet in the plan."""
    others = {tool for name, tool in HEAVY.items() if name != layer}

    assert {layer} == layers_in(loaded[layer])
    assert set() == others & loaded[layer]


def test_no_layer_imports_another() -> None:
    """Not even inside of a function."""
    assert steadfastapi.__file__ is not None
    root = Path(steadfastapi.__file__).parent
    crossing = [
        f"{path.relative_to(root)}: {name}"
        for layer in LAYERS
        for path in (root / layer).rglob("*.py")
        for name in imported_by(path, types_too=layer != "console")
        for other in set(LAYERS) - {layer}
        if name.startswith(f"steadfastapi.{other}.")
        and not (other == "console" and name.split(".")[2] in LOOK)
    ]

    assert [] == crossing


def imported_by(path: Path, *, types_too: bool) -> Iterator[str]:
    """Yield what a module imports, as dotted names.

    Args:
        path: The module.
        types_too: Whether that counts which only type checkers see: the console shows
            what other layers hold.
    """
    tree = ast.parse(path.read_text())
    unseen = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in unseen and not types_too:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name + "." for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)

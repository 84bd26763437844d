"""Write the reference pages from the code: `make docs`."""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
import textwrap
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from steadfastapi import signals
from steadfastapi._configure import DEFAULT_LAYERS

REFERENCE = Path(__file__).parent / "reference"
NOTICE = "<!-- Written by `make docs` from the code. -->\n"


SETTINGS_INTRODUCTION = (
    "Each layer takes its settings as keyword arguments, e.g. "
    '`configure(app, metrics=Metrics(path="/internal/metrics"))`, or from the '
    "environment. An argument wins over `STEADFAST_…`, which wins over the variable "
    "that the tool itself defines. Several values are separated by commas. A "
    "`STEADFAST_…` variable that no layer reads stops the start."
)
PARTS = {"Console(oidc=…)": "steadfastapi.console.oidc.settings:Oidc"}
"""Settings that are given to a layer's, with variables of their own."""
METRICS_INTRODUCTION = (
    'Counters end in `_total` when stored. With `Metrics(names="otel")` HTTP metrics '
    "follow the OpenTelemetry semantic conventions."
)


def settings_page() -> str:
    """Return the page of all settings and their environment variables."""
    lines = [
        "# Settings",
        NOTICE,
        SETTINGS_INTRODUCTION,
    ]
    layers = {f"configure({name}=…)": path for name, path in DEFAULT_LAYERS.items()}
    for where, path in (layers | PARTS).items():
        module, _, attribute = path.partition(":")
        layer: Any = getattr(importlib.import_module(module), attribute)
        lines += [
            "",
            f"## `{attribute}` (`{where}`)",
            "",
            str(layer.__doc__).split("\n\n")[0],
            "",
            "| Setting | Environment | Default | Meaning |",
            "| --- | --- | --- | --- |",
        ]
        meanings = meanings_of(layer)
        lines += [
            _setting(layer, field, meanings.get(field, ""))
            for field in layer.model_fields
        ]
    return "\n".join(lines) + "\n"


def meanings_of(layer: type) -> dict[str, str]:
    """Return the docstring below each field of a class.

    Pydantic could keep them, at the price of 30 ms at every start.
    """
    tree: Any = ast.parse(textwrap.dedent(inspect.getsource(layer)))
    body = tree.body[0].body
    return {
        field.target.id: " ".join(below.value.value.split())
        for field, below in pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr)
    }


def _setting(layer: Any, name: str, meaning: str) -> str:
    field = layer.model_fields[name]
    own = f"{layer.model_config['env_prefix']}{name}".upper()
    variables = [own, *layer.conventional.get(name, ())]
    default = field.get_default(call_default_factory=True)
    if default in (PydanticUndefined, None, "", (), {}) or isinstance(
        default, SecretStr
    ):
        shown = "none"
    elif isinstance(default, frozenset):
        shown = f"`{','.join(str(one) for one in sorted(default))}`"
    else:
        shown = f"`{default}`"
    names = ", ".join(f"`{variable}`" for variable in variables)
    return f"| `{name}` | {names} | {shown} | {meaning} |"


def metrics_page() -> str:
    """Return the page of all metric families."""
    lines = [
        "# Metrics",
        NOTICE,
        METRICS_INTRODUCTION,
        "",
        "| Family | Type | Labels | With `otel` | Meaning |",
        "| --- | --- | --- | --- | --- |",
    ]
    for family in signals.FAMILIES:
        renamed = signals.named(family, "otel")
        if renamed is None:
            other = "–"
        elif renamed.name == family.name:
            other = "the same"
        else:
            other = f"`{renamed.name}`"
        labels = ", ".join(f"`{label}`" for label in family.labels) or "–"
        lines.append(
            f"| `{family.name}` | {family.kind} | {labels} | {other} | {family.help} |"
        )
    return "\n".join(lines) + "\n"


PAGES = {"settings.md": settings_page, "metrics.md": metrics_page}


def main() -> None:
    """Write every page."""
    REFERENCE.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        (REFERENCE / name).write_text(page(), encoding="utf-8")
        sys.stdout.write(f"docs/reference/{name}\n")


if __name__ == "__main__":
    main()

"""The plan as people read it: `print(stack)` and `steadfastapi plan module:app`."""

from __future__ import annotations

import os
import shutil
import sys
from io import StringIO
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from steadfastapi._boundary import ErrorBoundary
from steadfastapi._middleware import ExchangeMiddleware
from steadfastapi._plan import ORDER
from steadfastapi._routes import mounted_apps
from steadfastapi._settings import LayerSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steadfastapi._apply import Applied
    from steadfastapi._plan import Layer, Plan, Slot

    Layers = Mapping[str, Layer | None]

MIN_WIDTH = 80


def render(plan: Plan, layers: Layers, applied: Applied) -> str:
    """Return the tables of a stack as text, coloured on a terminal."""
    output = StringIO()
    terminal = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    width = max(MIN_WIDTH, shutil.get_terminal_size((100, 24)).columns)
    console = Console(
        file=output, force_terminal=terminal, width=width, markup=False, emoji=False
    )
    console.print(report(plan, layers, applied))
    return output.getvalue().rstrip("\n")


def report(plan: Plan, layers: Layers, applied: Applied) -> Group:
    """Return what Rich prints: layers, order, mounts and warnings."""
    service = plan.service
    title = f"{service.name} {service.version} · {service.environment}"
    parts: list[Any] = [_layers(plan, layers, title), _order(plan, applied)]
    mounts = _mounts(plan, applied)
    if mounts is not None:
        parts.append(mounts)
    parts += [
        Text(f"warning: {sentence}", style="yellow") for sentence in plan.warnings
    ]
    return Group(*parts)


def _layers(plan: Plan, layers: Layers, title: str) -> Table:
    table = Table(title=title, title_justify="left", expand=True)
    table.add_column("layer", style="bold", no_wrap=True)
    table.add_column("contributes", ratio=3, overflow="fold")
    table.add_column("where", no_wrap=True)
    table.add_column("settings", ratio=2, overflow="fold")
    for name, layer in layers.items():
        if layer is None:
            table.add_row(name, Text("off", style="dim"), "", "")
            continue
        settings = ""
        if isinstance(layer, LayerSettings):
            settings = ", ".join(
                f"{key}={value}" for key, value in layer.summary().items()
            )
        lines = [line for line in plan.contributions if line.layer == name]
        for position, line in enumerate(lines):
            first = position == 0
            table.add_row(
                name if first else "",
                Text(line.what),
                line.where,
                Text((settings or "defaults") if first else ""),
            )
        table.add_section()
    return table


def _order(plan: Plan, applied: Applied) -> Table:
    table = Table(title="order, outermost first", title_justify="left", expand=True)
    table.add_column("slot", style="bold", no_wrap=True)
    table.add_column("piece", ratio=2, overflow="fold")
    table.add_column("why there", ratio=3, overflow="fold")
    for slot, names, reason in order_rows(plan, applied):
        table.add_row(slot, ", ".join(names) or "none", reason)
    return table


def order_rows(plan: Plan, applied: Applied) -> list[tuple[Slot, list[str], str]]:
    """Return slot, pieces and reason of every slot that is taken, outermost first."""
    user = [
        getattr(entry.cls, "__name__", str(entry.cls))
        for entry in plan.app.user_middleware
        if entry not in applied.ours
    ]
    pieces: dict[Slot, list[str]] = {
        "exchange": [ExchangeMiddleware.__name__],
        "user": user,
        "boundary": [ErrorBoundary.__name__],
    }
    if plan.contract is not None:
        cap = [entry.cls.__name__ for entry in plan.contract.body_cap(plan.app, [])]
        limit = [entry.cls.__name__ for entry in plan.contract.body_limit(plan.app)]
        if user or cap:
            pieces["outer_boundary"] = [ErrorBoundary.__name__, *cap]
        if limit:
            pieces["body_limit"] = limit
    for piece in plan.pieces:
        pieces[piece.slot] = [getattr(piece.factory, "__name__", "middleware")]
    return [(slot, pieces[slot], reason) for slot, reason in ORDER if slot in pieces]


def _mounts(plan: Plan, applied: Applied) -> Table | None:
    mounts = applied.mounts or mounted_apps(plan.app)
    if not mounts:
        return None
    table = Table(title="mounts", title_justify="left", expand=True)
    table.add_column("at", style="bold", no_wrap=True)
    table.add_column("application")
    table.add_column("error contract")
    for mount in mounts:
        covered = mount.covered and plan.contract is not None
        table.add_row(
            mount.template or "/",
            type(mount.app).__name__,
            "covered" if covered else "its unhandled errors only",
        )
    return table

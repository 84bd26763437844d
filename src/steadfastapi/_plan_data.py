"""The plan of a stack as plain data: `steadfastapi plan --json`, and the console."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from steadfastapi._report import order_rows
from steadfastapi._routes import mounted_apps
from steadfastapi._scrub import scrub
from steadfastapi._settings import MASK, LayerSettings, shown

if TYPE_CHECKING:
    from steadfastapi._plan import Layer
    from steadfastapi._stack import Stack


def as_data(stack: Stack) -> dict[str, Any]:
    """Return what `print(stack)` shows, and every setting, secrets masked."""
    plan = stack.plan
    return {
        "service": asdict(stack.service),
        "layers": [
            {"name": name, "on": layer is not None, "settings": _settings(layer)}
            for name, layer in stack.layers.items()
        ],
        "contributions": [asdict(line) for line in plan.contributions],
        "order": _order(stack),
        "mounts": [
            {
                "at": mount.template or "/",
                "application": type(mount.app).__name__,
                "covered": mount.covered and plan.contract is not None,
            }
            for mount in stack.applied.mounts or mounted_apps(plan.app)
        ],
        "warnings": list(plan.warnings),
    }


def _settings(layer: Layer | None) -> dict[str, Any]:
    if not isinstance(layer, LayerSettings):
        return {}
    return {
        name: _masked(name, getattr(layer, name)) for name in type(layer).model_fields
    }


def _masked(name: str, value: Any) -> Any:
    text = shown(name, value)
    if text == MASK or callable(value):
        return text
    return scrub(value)  # keeps its JSON type


def _order(stack: Stack) -> list[dict[str, Any]]:
    """The pieces in each slot that is taken, outermost first."""
    return [
        {"slot": slot, "pieces": pieces, "why": reason}
        for slot, pieces, reason in order_rows(stack.plan, stack.applied)
    ]

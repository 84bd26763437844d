"""Grafana's own model reads the dashboards and loses nothing."""

from __future__ import annotations

import copy
import json
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins

from support.boards import BOARDS, Board

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

with warnings.catch_warnings():
    # It would rather have the second schema, which provisioning does not read.
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana_foundation_sdk.models.dashboard import Dashboard

register_default_plugins()


def lost(before: Any, after: Any, place: str = "") -> Iterator[str]:
    """Return what is in `before` and not in `after`; the model may add defaults."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            if key not in after:
                yield f"{place}/{key} is unknown"
            else:
                yield from lost(value, after[key], f"{place}/{key}")
    elif isinstance(before, list) and isinstance(after, list):
        if len(before) != len(after):
            yield f"{place} has {len(after)} of {len(before)} entries"
        for index, (one, other) in enumerate(zip(before, after, strict=False)):
            yield from lost(one, other, f"{place}/{index}")
    elif before != after:
        yield f"{place} is {before!r}, and {after!r} to Grafana"


def read_back(data: dict[str, Any]) -> Any:
    """Return a dashboard as Grafana's model understands it."""
    model = Dashboard.from_json(copy.deepcopy(data))
    return json.loads(json.dumps(model, cls=JSONEncoder))


@pytest.mark.parametrize("board", BOARDS, ids=lambda one: f"{one.naming}-{one.uid}")
def test_nothing_is_lost_in_the_model(board: Board) -> None:
    """Every key and every value comes back."""
    assert [] == list(lost(board.data, read_back(board.data)))


def _panel(data: dict[str, Any], kind: str) -> dict[str, Any]:
    found: dict[str, Any] = next(p for p in data["panels"] if p["type"] == kind)
    return found


def _target(data: dict[str, Any]) -> None:
    _panel(data, "timeseries")["targets"][0]["legendFromat"] = "x"


def _option(data: dict[str, Any]) -> None:
    _panel(data, "stat")["options"]["colourMode"] = "value"


def _default(data: dict[str, Any]) -> None:
    _panel(data, "timeseries")["fieldConfig"]["defaults"]["units"] = "s"


def _variable(data: dict[str, Any]) -> None:
    data["templating"]["list"][0]["regexp"] = ""


def _custom(data: dict[str, Any]) -> None:
    custom = _panel(data, "timeseries")["fieldConfig"]["defaults"]["custom"]
    custom["stackin"] = custom.pop("stacking")


@pytest.mark.parametrize("typo", [_target, _option, _default, _variable, _custom])
def test_a_typo_is_found(typo: Callable[[dict[str, Any]], None]) -> None:
    """In a query, an option, a default, a variable, and deep inside."""
    board = next(one for one in BOARDS if one.uid == "steadfastapi-oncall")
    data = copy.deepcopy(board.data)
    typo(data)

    assert 1 == len(list(lost(data, read_back(data))))

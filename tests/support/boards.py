"""The committed dashboards, read as Grafana would read them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steadfastapi.signals import Naming

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "grafana/dashboards"
NAMINGS: tuple[Naming, ...] = ("default", "otel")


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a panel.

    Args:
        panel: The panel.
        target: The query as Grafana has it.
    """

    panel: dict[str, Any]
    target: dict[str, Any]

    @property
    def source(self) -> str:
        """Where it is asked: `prometheus`, `loki` or `tempo`."""
        return str(self.target["datasource"]["type"])

    @property
    def text(self) -> str:
        """What is asked."""
        return str(self.target.get("expr", self.target.get("query", "")))

    @property
    def place(self) -> str:
        """Panel and letter, for messages and lists of exceptions."""
        return f"{self.panel['id']}{self.target['refId']}"


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard.

    Args:
        naming: How its metrics are called.
        data: The file.
    """

    naming: Naming
    data: dict[str, Any]

    @property
    def uid(self) -> str:
        """Its address."""
        return str(self.data["uid"])

    @property
    def panels(self) -> list[dict[str, Any]]:
        """All panels; rows are none."""
        return [panel for panel in self.data["panels"] if panel["type"] != "row"]

    @property
    def variables(self) -> dict[str, dict[str, Any]]:
        """Its variables by name."""
        return {one["name"]: one for one in self.data["templating"]["list"]}

    @property
    def annotations(self) -> list[dict[str, Any]]:
        """What is marked on every graph."""
        return list(self.data["annotations"]["list"])

    def queries(self, source: str = "prometheus") -> Iterator[Query]:
        """Return the queries that are asked somewhere."""
        for panel in self.panels:
            for target in panel.get("targets", ()):
                query = Query(panel, target)
                if query.source == source:
                    yield query


def read_boards() -> list[Board]:
    """Return every committed dashboard."""
    return [
        Board(naming, json.loads(path.read_text()))
        for naming in NAMINGS
        for path in sorted((FOLDER / naming).glob("*.json"))
    ]


BOARDS = read_boards()

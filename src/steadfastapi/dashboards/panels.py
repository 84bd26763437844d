"""What a panel says, without how Grafana writes it down."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from steadfastapi.dashboards.expressions import Expression
    from steadfastapi.dashboards.links import Link

Kind = Literal[
    "timeseries",
    "stat",
    "gauge",
    "bargauge",
    "heatmap",
    "table",
    "state-timeline",
    "logs",
    "traces",
    "alertlist",
]
Source = Literal["prometheus", "loki", "tempo"]
Color = Literal["green", "yellow", "orange", "red", "blue", "text"]
Step = tuple[float, Color]
"""From which value on something has which colour."""

FULL: tuple[Step, ...] = ((0.7, "yellow"), (0.9, "red"))
"""Shares of what there is, from which on it gets tight."""

UNPROVEN = {
    "P30": "Needs 30 days of history; our tests fill it in by night.",
    "T": "Asks Tempo; our tests parse the query and do not run it.",
    "L": "Asks Loki; our tests parse the query and do not run it.",
    "G": "Asks Grafana itself; our tests do not run it.",
}
"""What our tests cannot see in a panel, by the mark that stands in its description."""

Mark = Literal["", "P30", "T", "L", "G"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One query of a panel.

    Args:
        query: What is asked.
        legend: Goes before the labels, unless it names some itself; the column's title
            in a table.
        exemplar: Whether to ask for the traces of single observations too.
        unit: Of the column, or of this series, where it is not the panel's.
        ahead: Colours of the column in a table.
    """

    query: Expression
    legend: str = ""
    exemplar: bool = False
    unit: str = ""
    ahead: tuple[Step, ...] = ()

    @property
    def format(self) -> str:
        """The legend as Grafana fills it in."""
        if "{{" in self.legend:
            return self.legend
        labels = " ".join(f"{{{{{label}}}}}" for label in self.query.by)
        return " ".join(part for part in (self.legend, labels) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel.

    Args:
        id: Its number on the dashboard; never given to another one later.
        title: Its heading.
        description: What to do when it looks bad.
        kind: Grafana's name of the visualization.
        targets: Its queries.
        source: Where they are asked.
        unit: Grafana's name of the unit.
        width: Columns, of 24.
        height: Rows of 30 px.
        steps: Colours from values on; below the first one it is green, or, where
            `falling`, red.
        falling: Whether low values are the bad ones.
        lines: Whether the steps are drawn as lines.
        links: Where a click on a value leads.
        stacked: Whether series lie on each other.
        low: Least value of the axis.
        high: Greatest value of the axis.
        states: Words for values, in a state timeline.
        decimals: Digits behind the point, where Grafana would show too many: what
            Prometheus counts in a range is no whole number.
        no_value: Shown where there is nothing.
        mark: What our tests cannot see; see `UNPROVEN`.
        options: Beyond what every panel of its kind has.
    """

    id: int
    title: str
    description: str
    kind: Kind = "timeseries"
    targets: tuple[Target, ...] = ()
    source: Source = "prometheus"
    unit: str = "short"
    width: int = 8
    height: int = 8
    steps: tuple[Step, ...] = ()
    falling: bool = False
    lines: bool = False
    links: tuple[Link, ...] = ()
    stacked: bool = False
    low: float | None = None
    high: float | None = None
    states: dict[int, tuple[str, Color]] = field(default_factory=dict)
    decimals: int | None = None
    no_value: str = ""
    mark: Mark = ""
    options: dict[str, object] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The description, with what our tests cannot see."""
        if not self.mark:
            return self.description
        return f"{self.description}\n\n[{self.mark}] {UNPROVEN[self.mark]}"


@dataclass(frozen=True, slots=True)
class Row:
    """A heading with panels below it.

    Args:
        id: Its number, unique among the panels too.
        title: A question that the panels answer.
        panels: From left to right, line by line.
    """

    id: int
    title: str
    panels: tuple[Panel, ...]

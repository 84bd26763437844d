"""Charts as geometry: templates draw them as SVG, in the colours of the style sheet.

A chart says its title and a summary to whoever cannot see it, and holds its figures
as a table, too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WIDTH = 520
HEIGHT = 160
LEFT = 60
RIGHT = 8
TOP = 10
BOTTOM = 22
TICKS = 4
"""Lines of the scale, at most."""
GAP = 0.18
"""Share of a bar's place that stays empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One row of figures.

    Args:
        name: Shown in the legend and above the table's column.
        style: Its colour in the style sheet: `accent`, `good`, `warning` or `error`.
        values: One a moment; None leaves a gap.
    """

    name: str
    style: str
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle, in units of the drawing."""

    x: float
    y: float
    width: float
    height: float
    style: str
    label: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line without gaps."""

    points: str
    style: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark of a scale."""

    at: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """What a template draws."""

    id: str
    title: str
    summary: str
    """One sentence with the figures that matter."""
    series: tuple[Series, ...]
    bars: tuple[Bar, ...] = ()
    lines: tuple[Line, ...] = ()
    across: tuple[Tick, ...] = ()
    up: tuple[Tick, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    """The table: time, then one figure a series."""
    width: int = WIDTH
    height: int = HEIGHT


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What a chart is about.

    Args:
        id: For the elements that are told of by name; unique on its page.
        title: What is shown.
        times: Unix times of the values, evenly spaced.
        written: How a value is written, in legend, scale and table.
        every: Moments between two marks of time.
        least: Of the scale's steps: 1 for what is counted.
    """

    id: str
    title: str
    times: Sequence[float]
    written: Callable[[float], str]
    every: int
    least: float = 0.0


def bars(frame: Frame, series: Sequence[Series], summary: str) -> Chart:
    """Return stacked bars, the first series lowest."""
    sums = [
        sum(one.values[place] or 0.0 for one in series)
        for place in range(len(frame.times))
    ]
    top, ticks = _scale(max(sums, default=0.0), frame)
    step = (WIDTH - LEFT - RIGHT) / max(1, len(frame.times))
    drawn: list[Bar] = []
    for place, at in enumerate(frame.times):
        below = 0.0
        for one in series:
            value = one.values[place] or 0.0
            if value > 0:
                high = _height(value, top)
                label = f"{clock(at)} {one.name}: {frame.written(value)}"
                x = round(LEFT + place * step + step * GAP / 2, 2)
                y = round(HEIGHT - BOTTOM - below - high, 2)
                width = round(step * (1 - GAP), 2)
                drawn.append(Bar(x, y, width, round(high, 2), one.style, label))
                below += high
    return replace(_chart(frame, series, summary, ticks), bars=tuple(drawn))


def lines(frame: Frame, series: Sequence[Series], summary: str) -> Chart:
    """Return lines from moment to moment, interrupted where nothing is known."""
    known = [value for one in series for value in one.values if value is not None]
    top, ticks = _scale(max(known, default=0.0), frame)
    drawn: list[Line] = []
    for one in series:
        points: list[tuple[float, float]] = []
        for place, value in enumerate((*one.values, None)):
            if value is not None:
                y = HEIGHT - BOTTOM - _height(value, top)
                points.append((_middle(frame, place), y))
            elif points:
                drawn.append(_line(points, one.style))
                points = []
    return replace(_chart(frame, series, summary, ticks), lines=tuple(drawn))


def spark(values: Sequence[int], width: int = 96, height: int = 20) -> list[Bar]:
    """Return small bars without a scale; hours without any leave a gap."""
    top = max(values, default=0)
    step = width / max(1, len(values))
    return [
        Bar(
            round(place * step, 2),
            round(height - max(1.5, value / top * height), 2),
            round(step * 0.8, 2),
            round(max(1.5, value / top * height), 2),
            "accent",
            "",
        )
        for place, value in enumerate(values)
        if value > 0
    ]


def clock(at: float) -> str:
    """Return the time of day of a Unix time, in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M")


def _chart(
    frame: Frame,
    series: Sequence[Series],
    summary: str,
    up: tuple[Tick, ...],
) -> Chart:
    """Return a chart without anything drawn."""
    places = range(0, len(frame.times), frame.every)
    rows = [
        (
            clock(at),
            *(
                "" if value is None else frame.written(value)
                for value in (one.values[place] for one in series)
            ),
        )
        for place, at in enumerate(frame.times)
        if any(one.values[place] for one in series)
    ]
    return Chart(
        id=frame.id,
        title=frame.title,
        summary=summary,
        series=tuple(series),
        across=tuple(
            Tick(round(_middle(frame, place), 1), clock(frame.times[place]))
            for place in places
        ),
        up=up,
        rows=tuple(rows),
    )


def _middle(frame: Frame, place: int) -> float:
    return LEFT + (place + 0.5) * (WIDTH - LEFT - RIGHT) / len(frame.times)


def _height(value: float, top: float) -> float:
    return value / top * (HEIGHT - TOP - BOTTOM)


def _line(points: list[tuple[float, float]], style: str) -> Line:
    if len(points) == 1:  # which nobody would see
        ((x, y),) = points
        points = [(x - 3, y), (x + 3, y)]
    return Line(" ".join(f"{x:.1f},{y:.1f}" for x, y in points), style)


def _scale(largest: float, frame: Frame) -> tuple[float, tuple[Tick, ...]]:
    """Return the top of a scale, and its marks at round values."""
    written = frame.written
    if largest <= 0:
        return 1.0, (Tick(HEIGHT - BOTTOM, written(0.0)),)
    step = max(frame.least, _round_up(largest / TICKS))
    count = math.ceil(round(largest / step, 6))
    top = step * count
    marks = [step * place for place in range(count + 1)]
    return top, tuple(
        Tick(round(HEIGHT - BOTTOM - _height(mark, top), 1), written(mark))
        for mark in marks
    )


def _round_up(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    for factor in (1, 2, 5, 10):
        if factor * power >= value * 0.999999:
            return factor * power
    return 10 * power

"""The chart and the README's table come from the JSON of one run, and nothing else."""

from __future__ import annotations

from itertools import pairwise
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from benchmarks import chart, readme

NAMESPACE = "{http://www.w3.org/2000/svg}"


def _row(composition: str, routes: int, added: float) -> dict[str, Any]:
    return {
        "composition": composition,
        "routes": routes,
        "added": added,
        "best": added + 80,
        "of_usual_sentry": None if composition == "bare" else added / 1_000,
    }


FIGURES: dict[str, Any] = {
    "machine": {
        "date": "2026-11-20",
        "processor": "Some & Sons",
        "cores": 2,
        "python": "3.11.7",
        "versions": {"fastapi": "0.165.0", "sentry-sdk": "2.75.0"},
    },
    "effort": {"rounds": 20},
    "per_request": [
        _row(name, routes, added * (1 if routes == 1 else 2))
        for routes in (1, 50, 200)
        for name, added in (("bare", 0), ("usual_sentry", 1_000), ("steadfast", 150))
    ],
    "throughput": [
        {"composition": "bare", "workers": 1, "rate": 9_000.4},
        {"composition": "steadfast", "workers": 1, "rate": 5_000.0},
        {"composition": "steadfast", "workers": 4, "rate": 7_000.0},
    ],
    "budgets": [
        {
            "what": "resident memory",
            "measured": 23.9,
            "unit": "MiB",
            "bound": 20.0,
            "goal": None,
            "least": False,
            "judged": True,
            "kept": False,
            "reached": True,
        }
    ],
}
MARKED = f"Before.\n\n  {readme.BEGIN}\n  old\n  {readme.END}\n\nAfter.\n"


def test_the_table_has_the_smallest_and_the_largest_number_of_routes() -> None:
    """Each with its share of the usual tools with Sentry, and one worker's rate."""
    line = next(one for one in readme.block(FIGURES).splitlines() if "**stead" in one)

    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert ["150 µs", "0.15 ×", "300 µs", "0.30 ×", "5,000"] == cells[1:]


def test_rows_are_as_wide_as_their_head() -> None:
    """Markdown drops what is beyond the last column of the head."""
    lines = [one for one in readme.block(FIGURES).splitlines() if one.startswith("|")]

    assert [] == [a for a, b in pairwise(lines) if a.count("|") != b.count("|")]


def test_the_table_says_when_and_what_falls_short() -> None:
    """Its date, its versions, and the bound that is exceeded."""
    text = readme.block(FIGURES)

    assert "2026-11-20" in text
    assert "fastapi 0.165.0" in text
    assert "Over our own bound: resident memory, 23.9 MiB (at most 20)." in text


def test_only_what_is_between_the_markers_changes() -> None:
    """As often as it is written, and indented as they are."""
    once = readme.replace(MARKED, "| new |")

    expected = f"Before.\n\n  {readme.BEGIN}\n  | new |\n  {readme.END}\n\nAfter.\n"
    assert expected == once
    assert once == readme.replace(once, "| new |")


def test_a_readme_without_markers_is_refused() -> None:
    """Nothing is written anywhere else."""
    with pytest.raises(ValueError, match="once"):
        readme.replace("Before.\n", "| new |")


def test_the_longest_bar_is_the_most_expensive() -> None:
    """In both parts on one scale."""
    picture = ET.fromstring(chart.draw(FIGURES))
    bars = list(picture.iter(f"{NAMESPACE}rect"))[1:]
    widths = [float(one.attrib["width"]) for one in bars]

    assert [0.5, 0.075, 1.0, 0.15] == [
        pytest.approx(width / max(widths), abs=0.001) for width in widths
    ]


def test_no_text_is_written_over_another() -> None:
    """Lines are a line apart, and values stand behind their bars."""
    picture = ET.fromstring(chart.draw(FIGURES))
    texts = list(picture.iter(f"{NAMESPACE}text"))
    rows = sorted({float(one.attrib["y"]) for one in texts})
    height = float(picture.attrib["height"])

    assert [] == [low for low, high in pairwise(rows) if high - low < chart.LINE]
    assert height > rows[-1]

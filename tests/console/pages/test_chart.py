"""Charts: what is drawn where, and what is said to those who do not see it."""

from __future__ import annotations

import pytest

from steadfastapi.console.pages import chart
from steadfastapi.console.pages.chart import Frame, Series


def frame(count: int = 4, *, least: float = 0.0) -> Frame:
    """Return what a chart of so many minutes is about."""
    return Frame(
        id="c",
        title="Requests",
        times=[60.0 * place for place in range(count)],
        written=lambda value: f"{value:g}",
        every=2,
        least=least,
    )


def test_bars_are_stacked_from_the_bottom() -> None:
    """The second series stands upon the first."""
    drawn = chart.bars(
        frame(1),
        [
            Series(name="fine", style="accent", values=[6]),
            Series(name="bad", style="error", values=[2]),
        ],
        "8 requests.",
    )

    below, above = drawn.bars
    assert chart.HEIGHT - chart.BOTTOM == round(below.y + below.height, 1)
    assert round(below.y, 1) == round(above.y + above.height, 1)
    assert 3 == round(below.height / above.height)
    assert "00:00 bad: 2" == above.label


def test_empty_moments_have_no_bars_and_no_rows() -> None:
    """But a place."""
    drawn = chart.bars(
        frame(), [Series(name="fine", style="accent", values=[0, 5, None, 0])], "5."
    )

    assert 1 == len(drawn.bars)
    assert (("00:01", "5"),) == drawn.rows
    assert ["00:00", "00:02"] == [one.label for one in drawn.across]


def test_lines_are_interrupted_where_nothing_is_known() -> None:
    """A single moment is drawn, too."""
    values = [1.0, 2.0, None, 3.0]
    drawn = chart.lines(
        frame(), [Series(name="p50", style="accent", values=values)], ""
    )

    assert [2, 2] == [len(one.points.split()) for one in drawn.lines]


def test_nothing_at_all_is_drawn_as_nothing() -> None:
    """The scale starts and ends at zero."""
    for draw in (chart.bars, chart.lines):
        drawn = draw(frame(), [Series(name="x", style="accent", values=[None] * 4)], "")

        assert ((), (), ()) == (drawn.bars, drawn.lines, drawn.rows)
        assert ["0"] == [one.label for one in drawn.up]


@pytest.mark.parametrize(
    ("largest", "labels"),
    [
        (1, ["0", "1"]),
        (3, ["0", "1", "2", "3"]),
        (7, ["0", "2", "4", "6", "8"]),
        (100, ["0", "50", "100"]),
        (1234, ["0", "500", "1000", "1500"]),
    ],
)
def test_scales_have_round_marks(largest: int, labels: list[str]) -> None:
    """What is counted has no halves."""
    drawn = chart.bars(
        frame(1, least=1), [Series(name="x", style="accent", values=[largest])], ""
    )

    assert labels == [one.label for one in drawn.up]


def test_scales_of_seconds_go_below_one() -> None:
    """The top is at or above the largest value."""
    drawn = chart.lines(
        frame(2), [Series(name="x", style="accent", values=[0.0003, 0.0031])], ""
    )

    assert ["0", "0.001", "0.002", "0.003", "0.004"] == [one.label for one in drawn.up]


def test_sparks_show_even_one_among_thousands() -> None:
    """And nothing where nothing was."""
    bars = chart.spark([0, 1, 0, 5_000])

    assert 2 == len(bars)
    assert 1.5 == bars[0].height
    assert [] == chart.spark([0] * 24)
    assert [] == chart.spark([])

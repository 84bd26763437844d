"""NB-13: workers come and go, and the metrics are of all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.soak_recycles import WORKERS, Recycled, recycle

if TYPE_CHECKING:
    from pathlib import Path

KINDS = 6
"""Files of one process: counter, histogram, summary and three modes of gauges."""
ARCHIVED = 4
"""Kinds of which the dead leave something: live gauges go with their process."""


def check(recycled: Recycled) -> None:
    """Assert that nothing was lost, nothing is stale, and the directory is small."""
    assert [] == recycled.fallen
    assert 0 == recycled.stale
    assert recycled.sent == recycled.counted
    # The process that forks has opened files too, before there was any worker.
    assert (WORKERS + 1) * KINDS + ARCHIVED >= recycled.files


def test_nb_13_no_counter_falls_when_workers_are_killed(tmp_path: Path) -> None:
    """Of any family, at any scrape; and the dead are on none."""
    recycled = recycle(tmp_path, 6)

    check(recycled)
    assert 6 <= recycled.killed


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_nb_13_no_counter_falls_in_a_thousand_recycles(tmp_path: Path) -> None:
    """As many as a deployment sees in years."""
    recycled = recycle(tmp_path, 1000)

    check(recycled)
    assert 1000 <= recycled.killed

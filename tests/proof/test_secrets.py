"""SEC-1: 14 secrets × 6 sinks, and none of them gets anywhere."""

import sys
from pathlib import Path

import pytest

from support.canaries import Canaries
from support.proof_leak import BESIDE, SINKS, leaked, matrix, unscrubbed


@pytest.mark.parametrize(
    # `tests/logs/test_canaries.py` has the console's lines every time.
    "renderer",
    ["json", pytest.param("console", marks=pytest.mark.soak)],
)
def test_no_secret_reaches_a_sink(renderer: str, tmp_path: Path) -> None:
    """0 of 84, byte by byte, in what real receivers got; and 0 beside them."""
    canaries = Canaries()

    found = leaked(canaries, tmp_path, renderer)
    sys.stdout.write(f"\n{renderer}\n{matrix(found, canaries)}\n")

    assert {*SINKS, *BESIDE} == found.keys()
    assert {} == {
        sink: leak for sink, text in found.items() if (leak := canaries.find(text))
    }


def test_without_scrubbing_the_scan_finds_them(tmp_path: Path) -> None:
    """The test above can fail: all 14 are in all 6 sinks, 84 of 84."""
    canaries = Canaries()

    with unscrubbed():
        found = leaked(canaries, tmp_path, "json")
    sys.stdout.write(f"\nunscrubbed\n{matrix(found, canaries)}\n")

    for sink in SINKS:
        missed = canaries.values().keys() - canaries.find(found[sink]).keys()
        assert (sink, set()) == (sink, missed)

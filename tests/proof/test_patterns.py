"""SEC-9: every pattern of the package takes linear time, whatever it is given.

The patterns are found in the modules and the attacks are made from each of them, so
that a new pattern is tried without a line here.
"""

import re
from functools import cache

import pytest

from support.proof_attacks import Attack, attacks
from support.proof_patterns import Found, every, in_functions

SIZE = 64 * 1024
SECONDS = 0.015
"""For `SIZE` characters."""
TRIES = 20
"""What others do to the machine can only make a measurement worse."""

LONGEST = {
    "dashboards.links._PLACEHOLDER": (512, "links of our own, when files are written"),
}
"""Patterns that no client's text reaches, or only a piece of it, in characters. For
these, the 15 ms hold."""


@cache
def patterns() -> dict[str, Found]:
    """Return every pattern by its place."""
    return {found.where: found for found in every()}


def is_linear(found: Found, attack: Attack) -> bool:
    """Return whether 64 KiB take 15 ms, and 12 times as long as a tenth."""
    size, _ = LONGEST.get(found.where, (SIZE, ""))
    text, tenth = attack.text(size), attack.text(size // 10)
    hopeless = 0
    for _ in range(TRIES):
        large = found.seconds(text)
        limit = SECONDS if size < SIZE else max(12 * found.seconds(tenth), 0.001)
        if large <= min(SECONDS, limit):
            return True
        hopeless += large > 3 * SECONDS
        if hopeless == 3:
            return False
    return False


def slow_one(found: Found, most: int) -> Attack | None:
    """Return an attack on a pattern that succeeds."""
    tried = attacks(found, most)
    return next((one for one in tried if not is_linear(found, one)), None)


@pytest.mark.parametrize("where", patterns())
def test_no_attack_makes_a_pattern_slow(where: str) -> None:
    """SEC-9: 15 ms, and no worse than linear."""
    assert slow_one(patterns()[where], most=16) is None


@pytest.mark.soak
@pytest.mark.parametrize("where", patterns())
def test_none_of_all_attacks_makes_a_pattern_slow(where: str) -> None:
    """Each repetition, each alternative, each end."""
    assert slow_one(patterns()[where], most=100_000) is None


def test_every_module_was_searched() -> None:
    """Those that matter most are among them, and none that is made on the way."""
    found = patterns()

    assert {"_secrets._NAMED", "_secrets._URL", "_middleware._WELL_FORMED_ID"} <= set(
        found
    )
    assert "limits.client._FOR" in found
    # Of a route's own template, each segment of it one class of characters.
    assert ["_routes"] == in_functions()


@pytest.mark.parametrize(
    "bad",
    [r"(a+)+$", r"(?:a|a)*b", r"\s+$", r"(\w+\s?)*:", r",(?=[^;]*;)", r"a[^b]*c"],
)
def test_a_bad_pattern_would_be_found(bad: str) -> None:
    """The attacks succeed where they should: exponential and quadratic ones."""
    found = Found("bad", re.compile(bad), ("search",))

    assert any(
        found.seconds(attack.text(size)) > SECONDS
        for size in (*range(10, 40, 2), 8_192)
        for attack in attacks(found, 100)
    )

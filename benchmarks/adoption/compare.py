"""What differs between two runs of a suite."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.adoption.promised import REQUEST_ID, promised

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.adoption.run import Run

_VARYING = re.compile(r"0x[0-9a-f]+|\d+|'[^']*/[^']*'")
"""Addresses, numbers and paths in the text of a warning."""


@dataclass(frozen=True, slots=True)
class TestChange:
    """A test with another outcome."""

    test: str
    without: str
    with_it: str
    why: str
    """What the failing one said."""
    promised: tuple[str, ...] = ()
    """Why its responses differ, if that is all promised."""


@dataclass(frozen=True, slots=True)
class ResponseChange:
    """A response that is another one, and not as promised."""

    test: str
    request: str
    without: str
    with_it: str


@dataclass(slots=True)
class Differences:
    """Everything that differs between two runs."""

    tests: list[TestChange] = field(default_factory=list)
    responses: list[ResponseChange] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)
    """New ones: category and message."""
    promised: dict[str, int] = field(default_factory=dict)
    """How many responses differ as the error contract promises, by reason."""

    def __bool__(self) -> bool:
        return bool(self.tests or self.responses or self.warnings)

    def less(self, unstable: Differences) -> Differences:
        """Return what remains without that which differs by itself."""
        restless = {one.test for one in unstable.tests}
        restless |= {one.test for one in unstable.responses}
        noise = set(map(_text, unstable.warnings))
        return Differences(
            [one for one in self.tests if one.test not in restless],
            [one for one in self.responses if one.test not in restless],
            [one for one in self.warnings if _text(one) not in noise],
            self.promised,
        )


def compare(without: Run, with_it: Run) -> Differences:
    """Compare two runs."""
    found = Differences()
    before, after = _by_test(without.exchanges), _by_test(with_it.exchanges)
    explained: dict[str, tuple[str, ...]] = {}
    counted: Counter[str] = Counter()
    for test in [*before, *(test for test in after if test not in before)]:
        reasons, changes = _responses(test, before[test], after[test])
        counted.update(reasons)
        found.responses += changes
        if not changes:
            told = dict.fromkeys(one for one in reasons if one != REQUEST_ID)
            explained[test] = tuple(told)
    found.promised = dict(counted.most_common())
    found.tests = list(_tests(without, with_it, explained))
    known = set(map(_text, without.warnings))
    new = {_text(one): one for one in with_it.warnings if _text(one) not in known}
    found.warnings = list(new.values())
    return found


def _tests(
    without: Run, with_it: Run, explained: dict[str, tuple[str, ...]]
) -> Iterable[TestChange]:
    absent = {"outcome": "missing", "why": ""}
    for test in dict.fromkeys([*without.tests, *with_it.tests]):
        before = without.tests.get(test, absent)
        after = with_it.tests.get(test, absent)
        if before["outcome"] != after["outcome"]:
            yield TestChange(
                test,
                before["outcome"],
                after["outcome"],
                after["why"] or before["why"],
                explained.get(test, ()),
            )


def _responses(
    test: str, before: list[dict[str, Any]], after: list[dict[str, Any]]
) -> tuple[list[str], list[ResponseChange]]:
    """Pair the responses of a test in their order."""
    if len(before) != len(after):
        counts = f"{len(before)} requests", f"{len(after)} requests"
        return [], [ResponseChange(test, "", *counts)]
    reasons: list[str] = []
    changes = []
    for one, other in zip(before, after, strict=True):
        why = promised(one, other)
        if why is None or _request(one) != _request(other):
            texts = _shown(one, other)
            changes.append(ResponseChange(test, _request(one), *texts))
        else:
            reasons += why
    return reasons, changes


def _by_test(
    exchanges: Iterable[dict[str, Any]],
) -> defaultdict[str, list[dict[str, Any]]]:
    grouped: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in exchanges:
        grouped[one["test"]].append(one)
    return grouped


def _request(exchange: dict[str, Any]) -> str:
    return f"{exchange['method']} {exchange['path']}"


def _shown(before: dict[str, Any], after: dict[str, Any]) -> tuple[str, str]:
    """Return the parts of both that differ."""
    keys = [
        key
        for key in ("method", "path", "status", "media", "headers", "body", "raised")
        if before[key] != after[key]
    ]
    shown = []
    for one, other in ((before, after), (after, before)):
        parts = []
        for key in keys:
            value = one[key]
            if key == "headers":
                value = [name for name in value if name not in other[key]]
            parts.append(f"{key} {json.dumps(value)}")
        shown.append(", ".join(parts)[:400])
    return shown[0], shown[1]


def _text(warning: tuple[str, str]) -> str:
    return f"{warning[0]}: {_VARYING.sub('…', warning[1])}"

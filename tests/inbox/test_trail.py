"""What a process remembered of a request is kept with some of its errors."""

from __future__ import annotations

from typing import Any

from steadfastapi.inbox.complete import MAX_ENTRY
from steadfastapi.inbox.entry import Entry
from steadfastapi.inbox.trail import EVERY, MAX_ISSUES, MAX_TRAIL, Trails
from steadfastapi.testing import internal_errors
from support.inbox import entry


def remembered(request_id: str, trace_id: str | None) -> dict[str, Any]:
    """Return what a process remembers."""
    return {"lines": [{"event": "paid", "request_id": request_id}], "trace": trace_id}


def test_an_entry_takes_along_what_is_remembered() -> None:
    """As plain data that survives the store."""
    found = Trails([remembered]).added(
        entry(request={"id": "a-request", "trace_id": "f" * 32})
    )

    lines = [{"event": "paid", "request_id": "a-request"}]
    assert {"lines": lines, "trace": "f" * 32} == found.trail
    assert found == Entry.of(found.as_dict())


def test_one_entry_of_an_issue_in_ten_seconds_does() -> None:
    """Of a storm, one tells enough."""
    clock = [100.0]
    trails = Trails([remembered], lambda: clock[0])

    def has_trail(issue: str) -> bool:
        return bool(trails.added(entry(issue)).trail)

    assert [True, False, True] == [has_trail("a"), has_trail("a"), has_trail("b")]
    clock[0] += EVERY
    assert [True, False] == [has_trail("a"), has_trail("a")]


def test_issues_are_forgotten_at_last() -> None:
    """Memory is bounded, whatever number of them there is."""
    trails = Trails([remembered])
    for number in range(MAX_ISSUES + 5):
        trails.added(entry(f"issue {number}"))

    assert MAX_ISSUES == len(trails._last)


def test_without_request_or_memory_there_is_none() -> None:
    """The entry stays as it is."""
    for trails, request in (
        (Trails([remembered]), {}),
        (Trails([]), {"id": "a-request"}),
        (Trails([lambda *_: {}]), {"id": "a-request"}),
    ):
        bare = entry(request=request)
        assert bare is trails.added(bare)


def test_sec_8_an_entry_never_grows_beyond_its_bound() -> None:
    """SEC-8: then it goes without."""
    huge = {"lines": ["x" * MAX_TRAIL]}
    large = entry(message="y" * (MAX_ENTRY - 1_000))

    assert {} == Trails([lambda *_: huge]).added(entry()).trail
    assert {} == Trails([lambda *_: {"lines": ["x" * 2_000]}]).added(large).trail


def test_control_characters_are_written_out() -> None:
    """PostgreSQL refuses NUL, and lone surrogates are no JSON."""
    said = {"lines": [{"event": "a\x00b\ud800"}]}

    found = Trails([lambda *_: said]).added(entry())

    assert {"lines": [{"event": "a\\x00b\\ud800"}]} == found.trail


def test_a_memory_that_fails_costs_the_trail_only() -> None:
    """The entry is kept."""

    def broken(*_: Any) -> dict[str, Any]:
        raise RuntimeError("no memory")

    with internal_errors():
        bare = entry()
        assert bare is Trails([broken]).added(bare)
        assert bare.trail == Trails([lambda *_: {"x": object()}]).added(entry()).trail

"""`stack.inbox`: asked on the event loop, answered in threads."""

from __future__ import annotations

import threading
import time
from typing import Any

import anyio
import pytest
from fastapi import FastAPI

from steadfastapi.exceptions import BadQueryError, StoreError
from steadfastapi.inbox import handle as handle_module
from steadfastapi.inbox.api import push
from steadfastapi.inbox.query import Query, known
from support.inbox import ToldStore
from support.inbox_apps import inbox_of


def test_issues_are_listed_found_and_resolved() -> None:
    """One after the other."""

    async def run(kept: Any) -> None:
        inbox = kept.handle
        page = await inbox.list(state="open", sort="count")
        issue = page.items[0]
        assert issue == await inbox.get(issue.id)
        assert 1 == len((await inbox.search("needle")).items)
        assert 0 == len((await inbox.search("nothing")).items)
        entry = (await inbox.entries(issue=issue.id)).items[0]
        assert entry == await inbox.entry(entry.id)
        for change, state in (
            (inbox.resolve, "resolved"),
            (inbox.ignore, "ignored"),
            (inbox.reopen, "open"),
        ):
            assert 1 == await change(issue.id)
            assert state == (await inbox.get(issue.id)).state
        assert 1 == await inbox.resolve([issue.id], release="shop@2")

    with inbox_of(FastAPI()) as kept:
        push(event="lost", message="a needle in the hay")
        assert kept.handle.flush()
        anyio.run(run, kept)


@pytest.mark.parametrize(
    "filters",
    [
        {"colour": "red"},
        {"state": "odd"},
        {"level": "loud"},
        {"sort": "title; DROP TABLE issues"},
        {"limit": 0},
        {"limit": 10**9},
        {"cursor": "broken"},
        {"cursor": "WzEsMl0"},
        {"search": "x" * 10_000},
        {"since": float("nan")},
        {"issue": "' OR 1=1"},
        {"limit": "many"},
        {"until": "yesterday"},
        {"until": float("inf")},
        {"limit": float("inf")},
        {"state": ["open"]},
    ],
)
def test_wrong_filters_are_the_callers_fault(filters: dict[str, Any]) -> None:
    """4xx: before any store is asked."""
    store = ToldStore()

    async def run(inbox: Any) -> None:
        with pytest.raises(BadQueryError):
            await inbox.list(**filters)

    with inbox_of(FastAPI(), store=store) as kept:
        anyio.run(run, kept.handle)


def test_filters_come_as_text_too() -> None:
    """As a query string has them; empty ones are not there."""
    assert Query(limit=5, since=7.5) == known(
        limit="5", since="7.5", state="", route=None
    )


def test_a_store_that_hangs_does_not_hang_the_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An error after the deadline; the thread is not waited for."""
    monkeypatch.setattr(handle_module, "DEADLINE", 0.05)
    release = threading.Event()

    class Hanging(ToldStore):
        def issue(self, identity: str, *, now: float | None = None) -> None:
            release.wait(10)

    async def run(inbox: Any) -> None:
        started = time.monotonic()
        with pytest.raises(StoreError, match="no answer"):
            await inbox.get("0" * 16)
        release.set()
        assert time.monotonic() - started < 2

    with inbox_of(FastAPI(), store=Hanging()) as kept:
        anyio.run(run, kept.handle)


def test_listeners_hear_of_new_issues() -> None:
    """Until they leave."""
    heard: list[str] = []

    with inbox_of(FastAPI()) as kept:
        leave = kept.handle.subscribe(lambda change: heard.append(change.what))
        push(event="a")
        push(event="a")
        assert kept.handle.flush()
        leave()
        leave()
        push(event="b")
        assert kept.handle.flush()

    assert ["new"] == heard


def test_the_status_tells_of_the_store() -> None:
    """Without asking it."""
    store = ToldStore()
    store.failure = StoreError("disk full")

    with inbox_of(FastAPI(), store=store) as kept:
        before = kept.handle.status()
        push(event="a")
        assert not kept.handle.flush(0.3)
        after = kept.handle.status()
        store.failure = None

    assert ("idle", None) == (before.state, before.problem)
    assert ("down", "disk full", 1) == (after.state, after.problem, after.queued)

"""A move from one store to another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steadfastapi.inbox import copying
from steadfastapi.inbox.query import Query
from support.inbox import entry, issue_id, sqlite_store, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from steadfastapi.inbox.store import Store


def filled(make: Callable[[], Store]) -> Store:
    """Return a store with 260 entries of three issues, two of them dealt with."""
    store = make()
    for number in range(260):
        name = ("one", "two", "three")[number % 3]
        user = f"u{number % 7}"
        title = f"PayError: {number}"
        write(
            store, entry(name, title=title, user=user, release=f"shop@{number // 90}")
        )
    store.set_state([issue_id("one")], "ignored")
    store.set_state([issue_id("two")], "resolved", release="shop@9")
    return store


def test_everything_arrives_in_its_order(make: Callable[[], Store]) -> None:
    """Issues with counts, users, releases, states and titles; entries newest first."""
    target = make()
    with sqlite_store() as make_source:
        source = filled(make_source)

        assert (260, 2) == copying.copy(source, target)
        assert (0, 2) == copying.copy(source, target)

        for issue in source.issues(Query()).items:
            found = target.issue(issue.id)
            assert found is not None
            for name in ("title", "count", "users", "releases", "state", "resolved_in"):
                assert getattr(issue, name) == getattr(found, name), name
        pages = [store.entries(Query(limit=200)).items for store in (source, target)]
        assert [one.id for one in pages[0]] == [one.id for one in pages[1]]


def test_an_empty_store_is_soon_copied(make: Callable[[], Store]) -> None:
    """There is nothing to do."""
    with sqlite_store() as make_source:
        assert (0, 0) == copying.copy(make_source(), make())

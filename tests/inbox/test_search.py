"""Search: the same as a reference in Python, and quick over a million entries."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import pytest

from steadfastapi.inbox.complete import plain
from steadfastapi.inbox.query import Query
from steadfastapi.inbox.text import matches, query_words, searched, words_of
from support.inbox import entry, issue_id, postgres_store, sqlite_store, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from steadfastapi.inbox.store import Store

_ODD = """
a b ab abc b7 7 77 card_declined Größe STRASSE straße İ ﬁ naïve 東京 é e\u0301 ' % _ *
( ) - : ; -- \\ & | ! AND OR NOT NEAR \x00 ^ {x} a:b <-> a.b @ / 1e5 , " \ud800
"""
PIECES = _ODD.split()
QUERIES = 1_000
LARGE = 1_000_000
BOUND = 0.2


def text(source: random.Random) -> str:
    """Return a few pieces, with and without spaces between."""
    pieces = source.choices(PIECES, k=source.randint(1, 4))
    return source.choice(["", " ", "  "]).join(pieces)


def test_sec_18_search_equals_the_reference(store: Store) -> None:
    """10³ queries: whatever they hold, they find what Python finds."""
    source = random.Random(18)  # the same for every kind of store
    entries = [entry(f"i{n % 7}", message=plain(text(source))) for n in range(40)]
    write(store, *entries)
    kept = [(one.id, searched(one)) for one in reversed(entries)]

    for _ in range(QUERIES if "Redis" not in repr(store) else QUERIES // 5):
        wanted = text(source)
        words = query_words(wanted)
        expected = [identity for identity, found in kept if matches(found, words)]
        page = store.entries(Query(search=wanted, limit=200))
        assert expected == [one.id for one in page.items], wanted


def test_words_are_letters_and_digits() -> None:
    """Folded, each once, in order."""
    assert ["card", "declined"] == words_of("Card_DECLINED card")
    assert words_of("strasse") == words_of("STRAßE")
    assert [] == words_of(" _-%' ")
    assert 256 == len(words_of(" ".join(str(number) for number in range(999))))


def fill(store: Store, count: int, each: int = 2_000) -> None:
    """Write entries of 200 issues; one word is in all, one in very few of them."""
    for start in range(0, count, each):
        write(
            store,
            *(
                entry(
                    f"i{number % 200}",
                    message=f"common word{number % 1000} n{number}",
                    faults=(),
                )
                for number in range(start, start + each)
            ),
        )


@pytest.mark.soak
@pytest.mark.parametrize("kind", [sqlite_store, postgres_store])
def test_a_million_entries_are_searched_in_200_milliseconds(
    kind: Callable[[], object],
) -> None:
    """Rare and common words, lists of issues and of entries."""
    with kind() as make:  # type: ignore[attr-defined]
        store = make()
        fill(store, LARGE)
        slow = {}
        for search in ("n777777", "word77", "common", "common word5 n5", "missing"):
            for ask in (store.issues, store.entries):
                ask(Query(search=search))
                started = time.perf_counter()
                page = ask(Query(search=search))
                spent = time.perf_counter() - started
                if spent > BOUND:
                    slow[f"{search} {ask.__name__}"] = round(spent, 3)
                assert (search == "missing") == (page.items == ())
        assert {} == slow
        assert store.issue(issue_id("i0")) is not None

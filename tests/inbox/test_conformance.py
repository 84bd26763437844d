"""What every store must do, over each of them, against real servers."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from steadfastapi.inbox.query import Query
from steadfastapi.inbox.store import HOUR, MAX_USERS, Batch
from support.inbox import NOW, batch, entry, issue_id, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from steadfastapi.inbox.store import Issue, Store


def only(store: Store, **filters: object) -> Issue:
    """Return the one issue that there is."""
    (found,) = store.issues(Query(**filters), now=NOW).items  # type: ignore[arg-type]
    return found


def titles(store: Store, **filters: object) -> list[str]:
    """Return the titles of a page of issues."""
    page = store.issues(Query(**filters), now=NOW)  # type: ignore[arg-type]
    return [one.title.removeprefix("PayError: ") for one in page.items]


def test_the_first_entry_makes_an_issue(store: Store) -> None:
    """FLARE-6: also the very first one after a cold start."""
    first = entry(user="ada")

    changes = write(store, first)

    issue = only(store)
    assert [("new", issue.id)] == [(one.what, one.issue) for one in changes]
    assert issue_id("one") == issue.id
    assert ("PayError: one", "error", "unhandled_exception") == (
        issue.title,
        issue.level,
        issue.event,
    )
    assert ("/pay/{id}", "shop/pay.py in pay") == (issue.route, issue.culprit)
    assert ("open", 1, 1, ("shop@1",)) == (
        issue.state,
        issue.count,
        issue.users,
        issue.releases,
    )
    assert (first.at, first.at) == (issue.first_seen, issue.last_seen)


def test_an_entry_comes_back_as_it_was(store: Store) -> None:
    """With its frames, its request and its context."""
    kept = entry(context={"order": {"id": 7, "lines": ["a", None, 1.5]}}, also=("r1",))

    write(store, kept)

    assert kept == store.entry(kept.id)
    assert (kept,) == store.entries(Query(issue=kept.issue)).items
    assert store.entry("0" * 32) is None
    assert store.issue("0" * 16) is None


def test_an_issue_counts_what_its_entries_stand_for(store: Store) -> None:
    """Repeats too, over several batches, with first and last time."""
    entries = [entry(repeats=repeats) for repeats in (1, 5, 10)]

    write(store, *entries[:2])
    write(store, entries[2])

    issue = only(store)
    assert 16 == issue.count
    assert (entries[0].at, entries[2].at) == (issue.first_seen, issue.last_seen)


def test_a_batch_is_written_once(store: Store) -> None:
    """Its answer may be lost, and then it comes again."""
    once = batch(entry(), entry())

    assert 1 == len(store.write(once))
    assert [] == store.write(once)

    assert 2 == only(store).count
    assert 2 == len(store.entries(Query()).items)


def test_an_entry_that_is_known_is_folded(store: Store) -> None:
    """A storm has one row: its repeats, its last time and other requests are added."""
    kept = entry(repeats=3, also=("a",))
    more = replace(kept, repeats=4, at=kept.at + 5, last_at=kept.at + 6, also=("b",))

    write(store, kept)
    write(store, more)

    (row,) = store.entries(Query()).items
    assert (7, kept.at, kept.at + 6, ("a", "b")) == (
        row.repeats,
        row.at,
        row.last_at,
        row.also,
    )
    assert 7 == only(store).count


def test_users_are_counted_once_each(store: Store) -> None:
    """Those of folded entries too; who is unknown is nobody."""
    write(store, entry(user="ada"), entry(user="ada"), entry(user=None))
    write(store, entry(user="bob", users=("eve", "ada")))

    assert 3 == only(store).users
    assert 10_000 == MAX_USERS


def test_the_sparkline_has_24_hours(store: Store) -> None:
    """This one last; what is older is left out."""
    write(store, entry(at=NOW, repeats=2), entry(at=NOW - HOUR))
    write(store, entry(at=NOW - 23 * HOUR, repeats=3), entry(at=NOW - 30 * HOUR))

    spark = only(store).spark
    assert 24 == len(spark)
    assert (3, 1, 2) == (spark[0], spark[-2], spark[-1])
    assert 6 == sum(spark)


def test_inbox_4_a_resolved_issue_reopens(store: Store) -> None:
    """INBOX-4: by itself, when it happens again, and says so."""
    write(store, entry())
    assert 1 == store.set_state([issue_id("one")], "resolved")
    assert "resolved" == only(store).state

    changes = write(store, entry())

    assert ["reopened"] == [one.what for one in changes]
    assert ("open", 2) == (only(store).state, only(store).count)


def test_an_ignored_issue_stays_ignored(store: Store) -> None:
    """It is counted, and tells nobody."""
    write(store, entry())
    store.set_state([issue_id("one")], "ignored")

    assert [] == write(store, entry())
    assert ("ignored", 2) == (only(store).state, only(store).count)


def test_resolved_in_a_release_reopens_from_there_on(store: Store) -> None:
    """An older release that still runs does not: it has not got the cure."""
    write(store, entry("other", release="shop@1"), entry("other", release="shop@2"))
    write(store, entry(release="shop@1"))
    store.set_state([issue_id("one")], "resolved", release="shop@2")

    assert [] == write(store, entry(release="shop@1"))
    assert "shop@2" == store.issue(issue_id("one")).resolved_in  # type: ignore[union-attr]
    changes = write(store, entry(release="shop@2"))

    assert ["reopened"] == [one.what for one in changes]


def test_resolved_in_a_coming_release_waits_for_it(store: Store) -> None:
    """A release that nobody has seen is younger than all that were."""
    write(store, entry(release="shop@1"))
    store.set_state([issue_id("one")], "resolved", release="shop@2")

    assert [] == write(store, entry(release="shop@1"))
    assert ["reopened"] == [one.what for one in write(store, entry(release="shop@3"))]


def test_only_resolving_keeps_a_release(store: Store) -> None:
    """Ignored and open again are so in every release; unknown issues are no error."""
    write(store, entry())

    assert 0 == store.set_state(["0" * 16], "resolved")
    assert 1 == store.set_state([issue_id("one")], "ignored", release="shop@2")
    assert only(store).resolved_in is None
    assert NOW < (only(store).state_at or 0) or only(store).state_at is not None


def test_a_warning_that_becomes_an_error_is_one(store: Store) -> None:
    """And does not become a warning again."""
    for level in ("warning", "error", "warning"):
        write(store, entry(level=level))

    assert "error" == only(store).level


def test_issues_are_filtered(store: Store) -> None:
    """By state, level, event, route, time and release."""
    write(store, entry("a", level="warning", event="http_exception", route="/a"))
    write(store, entry("b", route=None, release="shop@2", at=NOW + 60))
    store.set_state([issue_id("a")], "resolved")

    assert ["a"] == titles(store, state="resolved")
    assert ["b"] == titles(store, state="open")
    assert ["a"] == titles(store, level="warning")
    assert ["a"] == titles(store, event="http_exception")
    assert ["a"] == titles(store, route="/a")
    assert ["b"] == titles(store, release="shop@2")
    assert ["b"] == titles(store, since=NOW + 30)
    assert ["a"] == titles(store, until=NOW + 30)
    assert ["b", "a"] == titles(store)
    assert [] == titles(store, state="open", level="warning")


def test_entries_are_filtered(store: Store) -> None:
    """By the same, and by issue."""
    a = entry("a", level="warning", event="http_exception", route="/a")
    b = entry("b", route=None, release="shop@2", at=NOW + 60)
    write(store, a, b)

    for filters, expected in (
        ({"level": "warning"}, [a]),
        ({"event": "http_exception"}, [a]),
        ({"route": "/a"}, [a]),
        ({"release": "shop@2"}, [b]),
        ({"since": NOW + 30}, [b]),
        ({"until": NOW + 30}, [a]),
        ({"issue": a.issue}, [a]),
        ({"issue": a.issue, "search": "cannot pay"}, [a]),
        ({"issue": a.issue, "search": "nothing"}, []),
        ({"level": "error", "search": "cannot"}, [b]),
        ({}, [b, a]),
    ):
        found = store.entries(Query(**filters)).items
        assert [one.id for one in expected] == [one.id for one in found]
    assert ["a"] == titles(store, issue=a.issue)


def test_issues_are_sorted_and_turned_over(store: Store) -> None:
    """Each is on one page, in every order, ties included."""
    for number in range(7):
        write(store, entry(str(number), at=NOW + number // 2, repeats=number // 3 + 1))

    for sort in ("last_seen", "first_seen", "count"):
        shown: list[str] = []
        cursor = None
        while True:
            page = store.issues(Query(sort=sort, limit=2, cursor=cursor), now=NOW)
            shown += [one.id for one in page.items]
            cursor = page.next
            if cursor is None:
                break
        values = [getattr(store.issue(one), sort) for one in shown]
        assert sorted({issue_id(str(n)) for n in range(7)}) == sorted(shown)
        assert sorted(values, reverse=True) == values


def test_entries_are_turned_over_newest_first(store: Store) -> None:
    """Each once, also when new ones arrive meanwhile."""
    kept = [entry() for _ in range(5)]
    write(store, *kept)

    first = store.entries(Query(issue=issue_id("one"), limit=2))
    write(store, entry())
    second = store.entries(Query(issue=issue_id("one"), limit=9, cursor=first.next))

    assert [one.id for one in reversed(kept)] == [
        one.id for one in first.items + second.items
    ]
    assert second.next is None


def test_search_finds_words_by_their_beginnings(store: Store) -> None:
    """Whatever the case, each word of the search; short words only as a whole."""
    write(store, entry("a", message="Karte abgelehnt: Größe 7, card_declined"))
    write(store, entry("b", message="card accepted", fields={"order": "A-1"}))

    for search, expected in (
        ("card", ["b", "a"]),
        ("CARD decl", ["a"]),
        ("größe", ["a"]),
        ("order a 1", ["b"]),
        ("ard", []),
        ("7", ["a"]),
        ("ca", []),
        ("card missing", []),
        ("   ", ["b", "a"]),
        ("shop.PayError", ["b", "a"]),
    ):
        assert expected == titles(store, search=search)
        found = store.entries(Query(search=search)).items
        assert expected == [one.title.removeprefix("PayError: ") for one in found]


def test_sec_18_search_has_no_syntax(store: Store) -> None:
    """SEC-18: operators, quotes and wildcards are words or nothing."""
    write(store, entry("a", message="100% of a_b 'quoted' \"NEAR\" (x)"))

    for search in (
        '"',
        "'",
        "a OR b",
        "NEAR(",
        "x*",
        "%",
        "_",
        "-x",
        "words:a",
        "\\",
        "a & !b",
        ":*",
        "';--",
        "\x00",
        "\ud800",
        "^a",
        "{",
        "*",
        "a:b",
    ):
        store.issues(Query(search=search))
        store.entries(Query(search=search))
    assert [] == titles(store, search="a OR zzz")
    assert ["a"] == titles(store, search="NEAR(x")


def test_a_search_turns_pages_too(store: Store) -> None:
    """With the same cursors."""
    write(store, *(entry(message=f"needle {n}") for n in range(3)), entry("hay"))

    first = store.entries(Query(search="needle", limit=2))
    second = store.entries(Query(search="needle", limit=2, cursor=first.next))

    messages = [one.message for one in first.items + second.items]
    assert ["needle 2", "needle 1", "needle 0"] == messages


def test_old_entries_and_issues_are_deleted(store: Store) -> None:
    """By age: entries, issues not seen since, and nothing else."""
    write(store, entry("old", at=NOW - 100), entry("both", at=NOW - 100))
    write(store, entry("both", at=NOW))

    assert 2 == store.prune(before=NOW - 50, keep=100, keep_each=100)

    assert ["both"] == titles(store)
    assert 2 == only(store).count
    assert 1 == len(store.entries(Query()).items)
    assert () == store.entries(Query(search="old")).items


def test_too_many_entries_are_deleted(store: Store) -> None:
    """By count, of one issue and of all; the newest stay, and the counts."""
    write(store, *(entry("a", message=f"a {n}") for n in range(6)))
    write(store, *(entry("b", message=f"b {n}") for n in range(3)))

    assert 2 == store.prune(before=0, keep=100, keep_each=4)
    assert 3 == store.prune(before=0, keep=4, keep_each=100)

    shown = [one.message for one in store.entries(Query()).items]
    assert ["b 2", "b 1", "b 0", "a 5"] == shown
    assert {"a": 6, "b": 3} == {
        one.title.removeprefix("PayError: "): one.count
        for one in store.issues(Query()).items
    }
    assert 0 == store.prune(before=0, keep=4, keep_each=4)


def test_one_worker_gets_a_claim(make: Callable[[], Store]) -> None:
    """Until it expires; another key is another claim."""
    one, other = make(), make()

    assert one.claim("alert:a", 60)
    assert not other.claim("alert:a", 60)
    assert other.claim("alert:b", 0.0)
    assert one.claim("alert:b", 60)


def test_a_store_is_found_again(make: Callable[[], Store]) -> None:
    """After a restart, and twice over: migrations run once."""
    first = make()
    write(first, entry())
    first.close()
    first.close()

    second = make()
    second.open()
    second.open()
    write(second, entry())

    assert 2 == only(second).count
    assert 2 == only(first).count


def test_inbox_4_several_writers_lose_no_count(make: Callable[[], Store]) -> None:
    """INBOX-4: on the same issues, at once, with users and reopening between."""
    rounds, workers = 25, 4
    failures: list[Exception] = []
    ready = threading.Barrier(workers)

    def work(name: int) -> None:
        own = make()
        ready.wait(10)
        try:
            for number in range(rounds):
                own.write(
                    Batch(
                        f"{name:016x}{number:016x}",
                        (entry("a", user=f"u{name}"), entry("b"), entry("a")),
                    )
                )
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert [] == failures
    counts = {one.id: (one.count, one.users) for one in make().issues(Query()).items}
    assert (2 * rounds * workers, workers) == counts[issue_id("a")]
    assert (rounds * workers, 0) == counts[issue_id("b")]

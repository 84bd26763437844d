"""What is read from SQLite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from steadfastapi.inbox.entry import Entry
from steadfastapi.inbox.query import page_of
from steadfastapi.inbox.sql import (
    ISSUE_COLUMNS,
    Conditions,
    entry_conditions,
    issue_conditions,
)
from steadfastapi.inbox.store import HOUR, HOURS, MAX_MATCHES, SCANNED_FIRST, Issue
from steadfastapi.inbox.text import is_prefix, query_words

if TYPE_CHECKING:
    import sqlite3

    from steadfastapi.inbox.query import Page, Query

NAMES = tuple(ISSUE_COLUMNS.split(", "))


def issues(connection: sqlite3.Connection, query: Query, now: float) -> Page[Issue]:
    """Return a page of issues."""
    where = Conditions(numbered=False)
    issue_conditions(query, where)
    words = query_words(query.search)
    if words:
        numbers = _found(connection, words, Conditions(numbered=False), MAX_MATCHES)
        marks = ", ".join(where.put(number) for number in numbers)
        where.add(
            f"id IN (SELECT issue FROM entries WHERE n IN ({marks}))"  # noqa: S608
        )
    rows = connection.execute(
        f"SELECT {ISSUE_COLUMNS} FROM issues{where.text()} "  # noqa: S608
        f"ORDER BY {query.sort} DESC, id DESC LIMIT ?",
        (*where.values, query.limit + 1),
    ).fetchall()
    known = [dict(zip(NAMES, row, strict=True)) for row in rows]
    sparks = _sparks(connection, [row["id"] for row in known], now)
    found = [_issue(connection, row, sparks) for row in known]
    return page_of(
        [(getattr(one, query.sort), one.id, one) for one in found], query.limit
    )


def issue(connection: sqlite3.Connection, identity: str, now: float) -> Issue | None:
    """Return one issue."""
    row = connection.execute(
        f"SELECT {ISSUE_COLUMNS} FROM issues WHERE id = ?",  # noqa: S608
        (identity,),
    ).fetchone()
    if row is None:
        return None
    known = dict(zip(NAMES, row, strict=True))
    return _issue(connection, known, _sparks(connection, [identity], now))


def entries(connection: sqlite3.Connection, query: Query) -> Page[Entry]:
    """Return a page of entries."""
    where = Conditions(numbered=False)
    entry_conditions(query, where)
    words = query_words(query.search)
    if words:
        numbers = _found(connection, words, where, query.limit + 1)
        where = Conditions(numbered=False)
        marks = ", ".join(where.put(number) for number in numbers)
        where.add(f"n IN ({marks})")
    rows = connection.execute(
        f"SELECT n, id, body FROM entries{where.text()} "  # noqa: S608
        "ORDER BY n DESC LIMIT ?",
        (*where.values, query.limit + 1),
    ).fetchall()
    items = [
        (float(n), identity, Entry.of(orjson.loads(body))) for n, identity, body in rows
    ]
    return page_of(items, query.limit)


def entry(connection: sqlite3.Connection, identity: str) -> Entry | None:
    """Return one entry."""
    row = connection.execute(
        "SELECT body FROM entries WHERE id = ?", (identity,)
    ).fetchone()
    return None if row is None else Entry.of(orjson.loads(row[0]))


def _found(
    connection: sqlite3.Connection, words: list[str], where: Conditions, limit: int
) -> list[int]:
    """Return the numbers of entries that a search finds, newest first."""
    tests = " AND ".join("' ' || words || ' ' LIKE ?" for _ in words)
    rows = connection.execute(
        f"SELECT n FROM (SELECT n, words FROM entries{where.text()} "  # noqa: S608
        f"ORDER BY n DESC LIMIT ?) WHERE {tests} ORDER BY n DESC LIMIT ?",
        (*where.values, SCANNED_FIRST, *map(_like, words), limit),
    ).fetchall()
    if len(rows) < limit:
        # Words are letters and digits: to quote them is all the escaping there is.
        match = " AND ".join(f'"{one}"{"*" * is_prefix(one)}' for one in words)
        where.add("entry_words MATCH {}", match)
        rows = connection.execute(
            "SELECT n FROM entry_words CROSS JOIN entries "  # noqa: S608
            f"ON entries.n = entry_words.rowid{where.text()} "
            "ORDER BY entry_words.rowid DESC LIMIT ?",
            (*where.values, limit),
        ).fetchall()
    return [n for (n,) in rows]


def _like(word: str) -> str:
    return f"% {word}%" if is_prefix(word) else f"% {word} %"


def _sparks(
    connection: sqlite3.Connection, identities: list[str], now: float
) -> dict[str, tuple[int, ...]]:
    last = int(now // HOUR)
    sparks = {identity: [0] * HOURS for identity in identities}
    marks = ", ".join("?" * len(identities))
    rows = connection.execute(
        f"SELECT issue, hour, count FROM hours WHERE issue IN ({marks}) "  # noqa: S608
        "AND hour BETWEEN ? AND ?",
        (*identities, last - HOURS + 1, last),
    )
    for identity, hour, count in rows:
        sparks[identity][hour - last + HOURS - 1] = count
    return {identity: tuple(spark) for identity, spark in sparks.items()}


def _issue(
    connection: sqlite3.Connection,
    row: dict[str, Any],
    sparks: dict[str, tuple[int, ...]],
) -> Issue:
    releases = connection.execute(
        "SELECT release FROM issue_releases WHERE issue = ? ORDER BY first_seen",
        (row["id"],),
    )
    return Issue(
        **row,
        releases=tuple(release for (release,) in releases),
        spark=sparks[row["id"]],
    )

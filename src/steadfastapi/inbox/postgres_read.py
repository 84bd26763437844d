"""What is read from PostgreSQL."""

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
    from steadfastapi.inbox.query import Page, Query


async def issues(connection: Any, query: Query, now: float) -> Page[Issue]:
    """Return a page of issues."""
    where = Conditions(numbered=True)
    issue_conditions(query, where)
    words = query_words(query.search)
    if words:
        numbers = await _found(
            connection, words, Conditions(numbered=True), MAX_MATCHES
        )
        where.add(
            "id IN (SELECT issue FROM entries WHERE n = ANY({}::bigint[]))", numbers
        )
    limit = where.put(query.limit + 1)
    rows = await connection.fetch(
        f"SELECT {ISSUE_COLUMNS} FROM issues{where.text()} "  # noqa: S608
        f"ORDER BY {query.sort} DESC, id DESC LIMIT {limit}",
        *where.values,
    )
    found = await _issues(connection, rows, now)
    items = [(getattr(one, query.sort), one.id, one) for one in found]
    return page_of(items, query.limit)


async def issue(connection: Any, identity: str, now: float) -> Issue | None:
    """Return one issue."""
    rows = await connection.fetch(
        f"SELECT {ISSUE_COLUMNS} FROM issues WHERE id = $1",  # noqa: S608
        identity,
    )
    found = await _issues(connection, rows, now)
    return found[0] if found else None


async def entries(connection: Any, query: Query) -> Page[Entry]:
    """Return a page of entries."""
    where = Conditions(numbered=True)
    entry_conditions(query, where)
    words = query_words(query.search)
    if words:
        numbers = await _found(connection, words, where, query.limit + 1)
        where = Conditions(numbered=True)
        where.add("n = ANY({}::bigint[])", numbers)
    limit = where.put(query.limit + 1)
    rows = await connection.fetch(
        f"SELECT n, id, body FROM entries{where.text()} "  # noqa: S608
        f"ORDER BY n DESC LIMIT {limit}",
        *where.values,
    )
    items = [
        (float(row["n"]), row["id"], Entry.of(orjson.loads(row["body"])))
        for row in rows
    ]
    return page_of(items, query.limit)


async def entry(connection: Any, identity: str) -> Entry | None:
    """Return one entry."""
    body = await connection.fetchval("SELECT body FROM entries WHERE id = $1", identity)
    return None if body is None else Entry.of(orjson.loads(body))


async def _found(
    connection: Any, words: list[str], where: Conditions, limit: int
) -> list[int]:
    """Return the numbers of entries that a search finds, newest first."""
    # Words are letters and digits: to quote them is all the escaping there is.
    match = " & ".join(f"'{one}'{':*' * is_prefix(one)}" for one in words)
    wanted, most = where.put(match), where.put(limit)
    matching = f"words @@ {wanted}::text::tsquery"
    newest = f"SELECT n, words FROM entries{where.text()} ORDER BY n DESC"  # noqa: S608
    rows = await connection.fetch(
        f"SELECT n FROM ({newest} LIMIT {SCANNED_FIRST}) newest "  # noqa: S608
        f"WHERE {matching} ORDER BY n DESC LIMIT {most}",
        *where.values,
    )
    if len(rows) < limit:
        where.add(matching)
        # The planner would rather read the table backwards, and meet nothing there.
        rows = await connection.fetch(
            "WITH found AS MATERIALIZED "  # noqa: S608
            f"(SELECT n FROM entries{where.text()}) "
            f"SELECT n FROM found ORDER BY n DESC LIMIT {most}",
            *where.values,
        )
    return [row["n"] for row in rows]


async def _issues(connection: Any, rows: list[Any], now: float) -> list[Issue]:
    identities = [row["id"] for row in rows]
    last = int(now // HOUR)
    sparks = {identity: [0] * HOURS for identity in identities}
    counted = await connection.fetch(
        "SELECT issue, hour, count FROM hours WHERE issue = ANY($1::text[]) "
        "AND hour BETWEEN $2 AND $3",
        identities,
        last - HOURS + 1,
        last,
    )
    for row in counted:
        sparks[row["issue"]][row["hour"] - last + HOURS - 1] = row["count"]
    releases: dict[str, list[str]] = {identity: [] for identity in identities}
    named = await connection.fetch(
        "SELECT issue, release FROM issue_releases WHERE issue = ANY($1::text[]) "
        "ORDER BY first_seen",
        identities,
    )
    for row in named:
        releases[row["issue"]].append(row["release"])
    return [
        Issue(
            **dict(row),
            releases=tuple(releases[row["id"]]),
            spark=tuple(sparks[row["id"]]),
        )
        for row in rows
    ]

"""What is written to SQLite, each function inside of a transaction."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import orjson

from steadfastapi.inbox.entry import Entry
from steadfastapi.inbox.store import (
    HOUR,
    HOURS,
    MAX_RELEASES,
    MAX_USERS,
    PRUNED_AT_ONCE,
    Change,
    should_reopen,
)
from steadfastapi.inbox.tally import Tally, folded, tallies
from steadfastapi.inbox.text import searched

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from steadfastapi.inbox.query import State
    from steadfastapi.inbox.store import Batch

BATCH_MEMORY = 3_600.0
"""Seconds for which the ids of batches are known."""


def write(connection: sqlite3.Connection, batch: Batch) -> list[Change]:
    """Keep the entries of a batch; return what is new about their issues."""
    taken = connection.execute(
        "INSERT INTO batches (id, at) VALUES (?, ?) ON CONFLICT DO NOTHING",
        (batch.id, time.time()),
    )
    if taken.rowcount == 0:
        return []  # it was written, and the answer was lost
    changes = []
    first_seen = _releases(connection, batch.entries)
    for issue, tally in tallies(batch.entries).items():
        changed = _count(connection, issue, tally, first_seen)
        if changed is not None:
            changes.append(changed)
    for entry in batch.entries:
        _keep(connection, entry)
    return changes


def _releases(
    connection: sqlite3.Connection, entries: Sequence[Entry]
) -> dict[str, float]:
    """Return when releases were first seen before this batch, and note its own."""
    rows = connection.execute("SELECT release, first_seen FROM releases")
    before: dict[str, float] = dict(rows.fetchall())
    for entry in entries:
        if entry.release not in before:
            connection.execute(
                "INSERT INTO releases (release, first_seen) VALUES (?, ?) "
                "ON CONFLICT DO NOTHING",
                (entry.release, entry.at),
            )
    return before


def _count(
    connection: sqlite3.Connection,
    issue: str,
    tally: Tally,
    first_seen: dict[str, float],
) -> Change | None:
    row = connection.execute(
        "SELECT state, resolved_in FROM issues WHERE id = ?", (issue,)
    ).fetchone()
    latest = tally.latest
    what: Change | None = None
    if row is None:
        connection.execute(
            "INSERT INTO issues VALUES "
            "(?, ?, ?, ?, ?, ?, 'open', ?, 0, ?, ?, NULL, NULL)",
            (
                issue,
                latest.title,
                tally.level,
                latest.event,
                latest.route,
                latest.culprit,
                tally.count,
                tally.first_seen,
                tally.last_seen,
            ),
        )
        what = Change("new", issue, latest)
    else:
        connection.execute(
            "UPDATE issues SET title = ?, count = count + ?, "
            "level = CASE ? WHEN 'error' THEN 'error' ELSE level END, "
            "first_seen = min(first_seen, ?), last_seen = max(last_seen, ?) "
            "WHERE id = ?",
            (
                latest.title,
                tally.count,
                tally.level,
                tally.first_seen,
                tally.last_seen,
                issue,
            ),
        )
        state, resolved_in = row
        releases = tally.releases
        if state == "resolved" and any(
            should_reopen(resolved_in, one, first_seen) for one in releases
        ):
            connection.execute(
                "UPDATE issues SET state = 'open', resolved_in = NULL, state_at = ? "
                "WHERE id = ?",
                (tally.last_seen, issue),
            )
            what = Change("reopened", issue, latest)
    _count_parts(connection, issue, tally)
    return what


def _count_parts(connection: sqlite3.Connection, issue: str, tally: Tally) -> None:
    connection.executemany(
        "INSERT INTO hours VALUES (?, ?, ?) ON CONFLICT DO UPDATE "
        "SET count = count + excluded.count",
        [(issue, hour, count) for hour, count in tally.hours.items()],
    )
    connection.executemany(
        "INSERT INTO issue_releases SELECT ?, ?, ? WHERE (SELECT count(*) "
        "FROM issue_releases WHERE issue = ?) < ? ON CONFLICT DO NOTHING",
        [
            (issue, release, at, issue, MAX_RELEASES)
            for release, at in tally.releases.items()
            if release
        ],
    )
    for user in tally.users:
        added = connection.execute(
            "INSERT INTO issue_users SELECT ?, ? WHERE (SELECT users FROM issues "
            "WHERE id = ?) < ? ON CONFLICT DO NOTHING",
            (issue, user, issue, MAX_USERS),
        )
        if added.rowcount:
            connection.execute(
                "UPDATE issues SET users = users + 1 WHERE id = ?", (issue,)
            )


def _keep(connection: sqlite3.Connection, entry: Entry) -> None:
    row = connection.execute(
        "SELECT body FROM entries WHERE id = ?", (entry.id,)
    ).fetchone()
    if row is not None:
        entry = folded(Entry.of(orjson.loads(row[0])), entry)
        connection.execute(
            "UPDATE entries SET body = ? WHERE id = ?",
            (entry.as_json().decode(), entry.id),
        )
        return
    connection.execute(
        "INSERT INTO entries "
        "(id, issue, at, level, event, route, release, words, body) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            entry.id,
            entry.issue,
            entry.at,
            entry.level,
            entry.event,
            entry.route,
            entry.release,
            " ".join(searched(entry)),
            entry.as_json().decode(),
        ),
    )


def set_state(
    connection: sqlite3.Connection,
    identities: Sequence[str],
    state: State,
    release: str | None,
) -> int:
    """Change the state of issues; return how many there were."""
    changed = 0
    for identity in identities:
        changed += connection.execute(
            "UPDATE issues SET state = ?, resolved_in = ?, state_at = ? WHERE id = ?",
            (state, release, time.time(), identity),
        ).rowcount
    return changed


def prune(
    connection: sqlite3.Connection, *, before: float, keep: int, keep_each: int
) -> int:
    """Delete what is old or too much; return how many entries went."""
    deleted = connection.execute(
        "DELETE FROM entries WHERE n IN (SELECT n FROM entries WHERE at < ? LIMIT ?)",
        (before, PRUNED_AT_ONCE),
    ).rowcount
    crowded = connection.execute(
        "SELECT issue, count(*) FROM entries GROUP BY issue HAVING count(*) > ?",
        (keep_each,),
    ).fetchall()
    for issue, count in crowded:
        surplus = min(count - keep_each, PRUNED_AT_ONCE)
        deleted += connection.execute(
            "DELETE FROM entries WHERE n IN "
            "(SELECT n FROM entries WHERE issue = ? ORDER BY n LIMIT ?)",
            (issue, surplus),
        ).rowcount
        if deleted >= PRUNED_AT_ONCE:
            break
    (count,) = connection.execute("SELECT count(*) FROM entries").fetchone()
    deleted += connection.execute(
        "DELETE FROM entries WHERE n IN (SELECT n FROM entries ORDER BY n LIMIT ?)",
        (max(0, min(count - keep, PRUNED_AT_ONCE)),),
    ).rowcount
    connection.execute("DELETE FROM issues WHERE last_seen < ?", (before,))
    for table in ("issue_users", "issue_releases", "hours"):
        connection.execute(
            f"DELETE FROM {table} WHERE issue NOT IN (SELECT id FROM issues)"  # noqa: S608
        )
    now = time.time()
    connection.execute("DELETE FROM hours WHERE hour < ?", (now // HOUR - 2 * HOURS,))
    connection.execute("DELETE FROM batches WHERE at < ?", (now - BATCH_MEMORY,))
    connection.execute("DELETE FROM claims WHERE expires < ?", (now,))
    return deleted


def claim(connection: sqlite3.Connection, key: str, seconds: float) -> bool:
    """Take `key` unless somebody holds it."""
    now = time.time()
    taken = connection.execute(
        "INSERT INTO claims (key, expires) VALUES (?, ?) ON CONFLICT DO UPDATE "
        "SET expires = excluded.expires WHERE claims.expires <= ?",
        (key, now + seconds, now),
    )
    return taken.rowcount > 0

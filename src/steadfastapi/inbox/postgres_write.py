"""What is written to PostgreSQL, each function inside of a transaction.

Rows are locked in one order everywhere (releases, then issues by id), so that workers
wait for each other and never for themselves.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import orjson

from steadfastapi.inbox.entry import Entry
from steadfastapi.inbox.store import (
    HOUR,
    HOURS,
    MAX_RELEASES,
    MAX_USERS,
    Change,
    should_reopen,
)
from steadfastapi.inbox.tally import Tally, folded, tallies
from steadfastapi.inbox.text import searched

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steadfastapi.inbox.query import State
    from steadfastapi.inbox.store import Batch

BATCH_MEMORY = 3_600.0
"""Seconds for which the ids of batches are known."""


async def write(connection: Any, batch: Batch) -> list[Change]:
    """Keep the entries of a batch; return what is new about their issues."""
    taken = await connection.fetchval(
        "INSERT INTO batches VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING id",
        batch.id,
        time.time(),
    )
    if taken is None:
        return []  # it was written, and the answer was lost
    changes = []
    first_seen = await _releases(connection, batch.entries)
    for issue, tally in tallies(batch.entries).items():
        changed = await _count(connection, issue, tally, first_seen)
        if changed is not None:
            changes.append(changed)
    for entry in batch.entries:
        await _keep(connection, entry)
    return changes


async def _releases(connection: Any, entries: Sequence[Entry]) -> dict[str, float]:
    """Return when releases were first seen before this batch, and note its own."""
    rows = await connection.fetch("SELECT release, first_seen FROM releases")
    before = {row["release"]: float(row["first_seen"]) for row in rows}
    new = {entry.release: entry.at for entry in reversed(entries)}
    for release in sorted(new.keys() - before.keys()):
        await connection.execute(
            "INSERT INTO releases VALUES ($1, $2) ON CONFLICT DO NOTHING",
            release,
            new[release],
        )
    return before


async def _count(
    connection: Any, issue: str, tally: Tally, first_seen: dict[str, float]
) -> Change | None:
    latest = tally.latest
    what = None
    new = await connection.fetchval(
        "INSERT INTO issues VALUES "
        "($1, $2, $3, $4, $5, $6, 'open', $7, 0, $8, $9, NULL, NULL) "
        "ON CONFLICT DO NOTHING RETURNING id",
        issue,
        latest.title,
        tally.level,
        latest.event,
        latest.route,
        latest.culprit,
        tally.count,
        tally.first_seen,
        tally.last_seen,
    )
    if new is not None:
        what = Change("new", issue, latest)
    else:
        row = await connection.fetchrow(
            "UPDATE issues SET title = $2, count = count + $3, "
            "level = CASE $4::text WHEN 'error' THEN 'error' ELSE level END, "
            "first_seen = least(first_seen, $5), last_seen = greatest(last_seen, $6) "
            "WHERE id = $1 RETURNING state, resolved_in",
            issue,
            latest.title,
            tally.count,
            tally.level,
            tally.first_seen,
            tally.last_seen,
        )
        mended = row["resolved_in"]
        if row["state"] == "resolved" and any(
            should_reopen(mended, one, first_seen) for one in tally.releases
        ):
            await connection.execute(
                "UPDATE issues SET state = 'open', resolved_in = NULL, state_at = $2 "
                "WHERE id = $1",
                issue,
                tally.last_seen,
            )
            what = Change("reopened", issue, latest)
    await _count_parts(connection, issue, tally)
    return what


async def _count_parts(connection: Any, issue: str, tally: Tally) -> None:
    await connection.executemany(
        "INSERT INTO hours VALUES ($1, $2, $3) ON CONFLICT (issue, hour) DO UPDATE "
        "SET count = hours.count + excluded.count",
        [(issue, hour, count) for hour, count in tally.hours.items()],
    )
    await connection.executemany(
        "INSERT INTO issue_releases SELECT $1, $2, $3 WHERE (SELECT count(*) "
        "FROM issue_releases WHERE issue = $1) < $4 ON CONFLICT DO NOTHING",
        [
            (issue, release, at, MAX_RELEASES)
            for release, at in tally.releases.items()
            if release
        ],
    )
    if tally.users:
        await connection.execute(
            "WITH added AS (INSERT INTO issue_users SELECT $1, unnest($2::text[]) "
            "LIMIT greatest(0, $3 - (SELECT users FROM issues WHERE id = $1)) "
            "ON CONFLICT DO NOTHING RETURNING 1) UPDATE issues "
            "SET users = users + (SELECT count(*) FROM added) WHERE id = $1",
            issue,
            list(tally.users),
            MAX_USERS,
        )


async def _keep(connection: Any, entry: Entry) -> None:
    kept = await connection.fetchval(
        "INSERT INTO entries "
        "(id, issue, at, level, event, route, release, words, body) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, array_to_tsvector($8::text[]), $9) "
        "ON CONFLICT (id) DO NOTHING RETURNING n",
        entry.id,
        entry.issue,
        entry.at,
        entry.level,
        entry.event,
        entry.route,
        entry.release,
        searched(entry),
        entry.as_json().decode(),
    )
    if kept is None:
        body = await connection.fetchval(
            "SELECT body FROM entries WHERE id = $1 FOR UPDATE", entry.id
        )
        more = folded(Entry.of(orjson.loads(body)), entry)
        await connection.execute(
            "UPDATE entries SET body = $2 WHERE id = $1",
            entry.id,
            more.as_json().decode(),
        )


async def set_state(
    connection: Any, identities: list[str], state: State, release: str | None
) -> int:
    """Change the state of issues; return how many there were."""
    changed = 0
    for identity in sorted(identities):
        done = await connection.execute(
            "UPDATE issues SET state = $2, resolved_in = $3, state_at = $4 "
            "WHERE id = $1",
            identity,
            state,
            release,
            time.time(),
        )
        changed += _rows(done)
    return changed


async def prune(
    connection: Any, lock: int, before: float, keep: int, keep_each: int
) -> int:
    """Delete what is old or too much; return how many entries went."""
    if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", lock):
        return 0  # another worker is at it
    deleted = _rows(
        await connection.execute("DELETE FROM entries WHERE at < $1", before)
    )
    crowded = await connection.fetch(
        "SELECT issue FROM entries GROUP BY issue HAVING count(*) > $1", keep_each
    )
    for row in crowded:
        done = await connection.execute(
            "DELETE FROM entries WHERE issue = $1 AND n <= (SELECT n FROM entries "
            "WHERE issue = $1 ORDER BY n DESC LIMIT 1 OFFSET $2)",
            row["issue"],
            keep_each,
        )
        deleted += _rows(done)
    done = await connection.execute(
        "DELETE FROM entries WHERE n <= "
        "(SELECT n FROM entries ORDER BY n DESC LIMIT 1 OFFSET $1)",
        keep,
    )
    deleted += _rows(done)
    await connection.execute("DELETE FROM issues WHERE last_seen < $1", before)
    for table in ("issue_users", "issue_releases", "hours"):
        await connection.execute(
            f"DELETE FROM {table} t WHERE NOT EXISTS "  # noqa: S608
            "(SELECT 1 FROM issues WHERE issues.id = t.issue)"
        )
    now = time.time()
    oldest = int(now // HOUR) - 2 * HOURS
    await connection.execute("DELETE FROM hours WHERE hour < $1", oldest)
    await connection.execute("DELETE FROM batches WHERE at < $1", now - BATCH_MEMORY)
    await connection.execute("DELETE FROM claims WHERE expires < $1", now)
    return deleted


async def claim(connection: Any, key: str, seconds: float) -> bool:
    """Take `key` unless somebody holds it."""
    now = time.time()
    taken = await connection.fetchval(
        "INSERT INTO claims VALUES ($1, $2) ON CONFLICT (key) DO UPDATE "
        "SET expires = excluded.expires WHERE claims.expires <= $3 RETURNING key",
        key,
        now + seconds,
        now,
    )
    return taken is not None


def _rows(command: str) -> int:
    """Return how many rows a command tag names: `DELETE 3`."""
    return int(command.rpartition(" ")[2])

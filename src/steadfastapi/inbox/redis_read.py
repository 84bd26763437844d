"""What is read from Redis."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import orjson

from steadfastapi.inbox.entry import Entry
from steadfastapi.inbox.query import page_of
from steadfastapi.inbox.store import HOUR, HOURS, Issue
from steadfastapi.inbox.tally import MAX_ALSO
from steadfastapi.inbox.text import matches, query_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steadfastapi.inbox.query import Page, Query

CHUNK = 500
MAX_SCANNED = 20_000
"""Entries, the newest, that a search looks at."""


@dataclass(frozen=True, slots=True)
class Keys:
    """A client, and what its keys begin with."""

    client: Any
    prefix: str

    def __call__(self, name: str) -> str:
        """Return a key."""
        return f"{self.prefix}{name}"


def issues(keys: Keys, query: Query, now: float) -> Page[Issue]:
    """Return a page of issues."""
    words = query_words(query.search)
    among = _matching(keys, words) if words else None
    after = query.after()
    found: list[tuple[float, str, Issue]] = []
    start = 0
    while len(found) <= query.limit:
        identities = keys.client.zrevrange(
            keys(f"by:{query.sort}"), start, start + CHUNK - 1
        )
        if not identities:
            break
        start += CHUNK
        wanted = [one for one in identities if among is None or one in among]
        for one in issues_of(keys, wanted, now):
            place = (getattr(one, query.sort), one.id)
            if _is_wanted(one, query) and (after is None or place < after):
                found.append((*place, one))
    found.sort(key=lambda row: row[:2], reverse=True)
    return page_of(found[: query.limit + 1], query.limit)


def issues_of(keys: Keys, identities: list[str], now: float) -> list[Issue]:
    """Return issues by their ids, those that are there."""
    if not identities:
        return []
    last = int(now // HOUR)
    hours = [str(hour) for hour in range(last - HOURS + 1, last + 1)]
    pipeline = keys.client.pipeline(transaction=False)
    for identity in identities:
        pipeline.hgetall(keys(f"issue:{identity}"))
        pipeline.hmget(keys(f"hours:{identity}"), hours)
        pipeline.zrange(keys(f"releases:{identity}"), 0, -1)
        pipeline.scard(keys(f"users:{identity}"))
    answers = pipeline.execute()
    return [
        _issue(identity, *answers[4 * place : 4 * place + 4])
        for place, identity in enumerate(identities)
        if answers[4 * place]
    ]


def entries(keys: Keys, query: Query) -> Page[Entry]:
    """Return a page of entries."""
    words = query_words(query.search)
    after = query.after()
    last = None if after is None else int(after[0]) - 1
    found: list[tuple[float, str, Entry]] = []
    for number, fields in _stream(keys, query.issue, last):
        entry = Entry.of(orjson.loads(fields["body"]))
        if not _is_entry_wanted(entry, query):
            continue
        if words and not matches(fields["words"].split(), words):
            continue
        found.append((float(number), entry.id, entry))
        if len(found) > query.limit:
            break
    whole = _with_more(keys, [entry for _, _, entry in found])
    rows = [
        (number, identity, entry)
        for (number, identity, _), entry in zip(found, whole, strict=True)
    ]
    return page_of(rows, query.limit)


def entry(keys: Keys, identity: str) -> Entry | None:
    """Return one entry."""
    number = keys.client.hget(keys("ids"), identity)
    if number is None:
        return None
    name = f"{number}-0"
    found = keys.client.xrange(keys("entries"), name, name)
    if not found:
        return None
    return _with_more(keys, [Entry.of(orjson.loads(found[0][1]["body"]))])[0]


def _stream(
    keys: Keys, issue: str | None, last: int | None
) -> Iterator[tuple[int, dict[str, str]]]:
    """Return numbers and fields of entries, newest first, from `last` on."""
    if issue is not None:
        yield from _of_issue(keys, issue, last)
        return
    seen = 0
    while seen < MAX_SCANNED and (last is None or last > 0):
        newest = "+" if last is None else f"{last}-0"
        chunk = keys.client.xrevrange(keys("entries"), newest, "-", count=CHUNK)
        for name, fields in chunk:
            last = int(name.partition("-")[0]) - 1
            yield last + 1, fields
        if len(chunk) < CHUNK:
            return
        seen += CHUNK


def _of_issue(
    keys: Keys, issue: str, last: int | None
) -> Iterator[tuple[int, dict[str, str]]]:
    newest = "+inf" if last is None else str(last)
    start = 0
    while True:
        numbers = keys.client.zrevrangebyscore(
            keys(f"of:{issue}"), newest, "-inf", start=start, num=CHUNK
        )
        pipeline = keys.client.pipeline(transaction=False)
        for number in numbers:
            pipeline.xrange(keys("entries"), f"{number}-0", f"{number}-0")
        for found in pipeline.execute():
            for name, fields in found:
                yield int(name.partition("-")[0]), fields
        if len(numbers) < CHUNK:
            return
        start += CHUNK


def _matching(keys: Keys, words: list[str]) -> set[str]:
    """Return the issues of entries that a search finds."""
    return {
        fields["issue"]
        for _, fields in _stream(keys, None, None)
        if matches(fields["words"].split(), words)
    }


def _with_more(keys: Keys, kept: list[Entry]) -> list[Entry]:
    """Return entries with what was counted on them since."""
    pipeline = keys.client.pipeline(transaction=False)
    for one in kept:
        pipeline.hgetall(keys(f"more:{one.id}"))
        pipeline.lrange(keys(f"also:{one.id}"), 0, -1)
    answers = pipeline.execute()
    result = []
    for one, more, also in zip(kept, answers[::2], answers[1::2], strict=True):
        if more:
            others = tuple(dict.fromkeys((*one.also, *also)))[:MAX_ALSO]
            whole = replace(
                one,
                repeats=one.repeats + int(more["repeats"]),
                last_at=max(one.last_at, float(more["last_at"])),
                also=others,
            )
            result.append(whole)
        else:
            result.append(one)
    return result


def _issue(
    identity: str,
    fields: dict[str, str],
    hours: list[str | None],
    releases: list[str],
    users: int,
) -> Issue:
    state_at = fields.get("state_at")
    data: dict[str, Any] = {
        name: fields[name] for name in ("title", "level", "event", "culprit", "state")
    }
    return Issue(
        **data,
        id=identity,
        route=fields["route"] or None,
        count=int(fields["count"]),
        users=users,
        first_seen=float(fields["first_seen"]),
        last_seen=float(fields["last_seen"]),
        releases=tuple(releases),
        resolved_in=fields.get("resolved_in"),
        state_at=None if state_at is None else float(state_at),
        spark=tuple(int(count or 0) for count in hours),
    )


def _is_wanted(issue: Issue, query: Query) -> bool:
    return (
        query.state in (None, issue.state)
        and query.level in (None, issue.level)
        and query.event in (None, issue.event)
        and query.route in (None, issue.route)
        and query.issue in (None, issue.id)
        and (query.since is None or issue.last_seen >= query.since)
        and (query.until is None or issue.first_seen < query.until)
        and (query.release is None or query.release in issue.releases)
    )


def _is_entry_wanted(entry: Entry, query: Query) -> bool:
    return (
        query.level in (None, entry.level)
        and query.event in (None, entry.event)
        and query.route in (None, entry.route)
        and query.release in (None, entry.release)
        and (query.since is None or entry.at >= query.since)
        and (query.until is None or entry.at < query.until)
    )

"""Entries out of a file of fastapi-flare (0.1 to 0.5), scrubbed on their way.

Its stack traces are text and its endpoints lack the prefixes of routers, so that an
issue of before need not be the issue of after; states are taken over.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from steadfastapi._scrub import Copy, safe_str
from steadfastapi._secrets import masked_code
from steadfastapi.exceptions import StoreError
from steadfastapi.inbox.collector import level_of
from steadfastapi.inbox.complete import MAX_CONTEXT, MAX_MESSAGE, bounded, clean, plain
from steadfastapi.inbox.entry import Entry, Fault, Frame
from steadfastapi.inbox.fingerprint import issue_of
from steadfastapi.inbox.frames import MAX_FILE, MAX_SOURCE, is_in_app
from steadfastapi.inbox.store import Batch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steadfastapi.inbox.store import Store

BATCH = 200
_FRAME = re.compile(
    r'^  File "(?P<file>[^"\n]{1,1024})", line (?P<line>\d{1,9}), in (?P<name>[^\n]+)'
    r"(?:\n    (?P<source>[^\n]*))?",
    re.MULTILINE,
)
_TYPE = re.compile(r"(?P<type>[A-Za-z_][\w.]{0,100}): ")


def import_flare(path: str | Path, store: Store) -> tuple[int, int]:
    """Copy the errors of a fastapi-flare file into `store`; again does no harm.

    Args:
        path: The file; it is only read.
        store: Where they go.

    Returns:
        How many entries were copied, and how many issues were resolved there.

    Raises:
        StoreError: The file is not one of fastapi-flare.
    """
    copied = 0
    issues: dict[str, str] = {}
    try:
        with closing(_opened(Path(path))) as source:
            waiting: list[Entry] = []
            for row in _rows(source):
                entry = _entry(row)
                if row.get("issue_fingerprint"):
                    issues[row["issue_fingerprint"]] = entry.issue
                if store.entry(entry.id) is None:
                    waiting.append(entry)
                if len(waiting) >= BATCH:
                    copied += _write(store, waiting)
            copied += _write(store, waiting)
            resolved = [issues[one] for one in _resolved(source) if one in issues]
    except sqlite3.Error as error:
        raise StoreError(f"{path} is no file of fastapi-flare: {error}") from error
    return copied, store.set_state(resolved, "resolved")


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    return connection


def _rows(source: sqlite3.Connection) -> Iterator[dict[str, Any]]:
    for row in source.execute("SELECT * FROM logs ORDER BY id"):
        yield dict(row)


def _resolved(source: sqlite3.Connection) -> list[str]:
    tables = source.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    if "flare_issues" not in {row[0] for row in tables}:
        return []  # before 0.3
    rows = source.execute("SELECT fingerprint FROM flare_issues WHERE resolved = 1")
    return [row[0] for row in rows]


def _write(store: Store, waiting: list[Entry]) -> int:
    count = len(waiting)
    if waiting:
        ids = "".join(entry.id for entry in waiting)
        name = hashlib.sha256(ids.encode()).hexdigest()[:32]
        store.write(Batch(name, tuple(waiting)))
        waiting.clear()
    return count


def _entry(row: dict[str, Any]) -> Entry:
    at = _time(row["timestamp"])
    digest = hashlib.sha256(repr(sorted(row.items())).encode("utf-8", "replace"))
    message = clean(_text(row["message"]), MAX_MESSAGE)
    faults = _faults(_text(row.get("error")), _text(row.get("stack_trace")))
    title = (faults[0].type + ": " if faults else "") + message.split("\n", 1)[0]
    context = _context(row.get("context"))
    entry = Entry(
        id=f"{int(at * 1000):012x}{digest.hexdigest()[:20]}",
        issue="",
        at=at,
        last_at=at,
        level=level_of(row["level"]),
        event=clean(_text(row["event"]), 96),
        title=title[:200],
        message=message,
        faults=faults,
        request=_request(row),
        context=context,
        release="",
        worker="fastapi-flare",
    )
    entry = bounded(entry)
    return replace(entry, issue=issue_of(entry, ""))


def _request(row: dict[str, Any]) -> dict[str, Any]:
    request = {
        "id": row.get("request_id"),
        "method": row.get("http_method"),
        "route": row.get("endpoint"),
        "status": row.get("http_status"),
        "duration_ms": row.get("duration_ms"),
        "client": row.get("ip_address"),
    }
    return {
        name: clean(value, 1024) if isinstance(value, str) else value
        for name, value in request.items()
        if value is not None
    }


def _faults(error: str, trace: str) -> tuple[Fault, ...]:
    found = _TYPE.match(error)
    if found is None and not trace:
        return ()
    frames = tuple(
        Frame(
            file=plain(one["file"])[-MAX_FILE:],
            line=int(one["line"]),
            function=plain(one["name"])[:96],
            source=plain(masked_code((one["source"] or "").strip()[:512]))[:MAX_SOURCE],
            in_app=is_in_app(one["file"]),
        )
        for one in _FRAME.finditer(trace[-64 * 1024 :])
    )
    kind = found["type"] if found else "Exception"
    text = error[found.end() :] if found else error
    return (Fault(type=kind, message=clean(text, 2048), frames=frames[-50:]),)


def _context(given: Any) -> dict[str, Any]:
    try:
        context = orjson.loads(given) if given else {}
    except orjson.JSONDecodeError:
        context = {"text": _text(given)}
    if not isinstance(context, dict):
        context = {"value": context}
    copy = Copy(2048, MAX_CONTEXT).of(context)
    return copy if isinstance(copy, dict) else {}


def _text(value: Any) -> str:
    return "" if value is None else safe_str(value, 16 * 1024)


def _time(value: Any) -> float:
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        return 0.0
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()

"""What this worker remembers of a request, to be kept with its error, and back again.

The issue's page shows it where the worker that is asked has nothing of its own: another
one served the request, or it was long ago.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import orjson

from steadfastapi.console.pages.waterfall import Row, Waterfall, waterfall

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from steadfastapi.console.sources import Sources

MAX_LINES = 7 * 1024
"""Bytes of log lines as JSON, the last ones."""
MAX_ROWS = 7 * 1024
"""Bytes of spans as JSON, the first ones."""


class Rememberer:
    """Tells the inbox what this worker remembers.

    Args:
        sources: Of the console.
    """

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def __call__(self, request_id: str, trace_id: str | None) -> dict[str, Any]:
        """Return log lines and spans of a request, as far as they fit."""
        lines = self._sources.lines_of(request_id)
        latest = _fitting(reversed(lines), MAX_LINES)[::-1]
        kept = {"lines": latest} if latest else {}
        trace = waterfall(self._sources.tracing, trace_id)
        if trace is None or not trace.rows:
            return kept
        rows = _fitting((asdict(row) for row in trace.rows), MAX_ROWS)
        more = trace.left_out + len(trace.rows) - len(rows)
        facts = {"trace_id": trace.trace_id, "ms": trace.ms, "left_out": more}
        return {**kept, "trace": {**facts, "rows": rows}}


def lines_of(trail: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the log lines of a trail."""
    lines = trail.get("lines")
    if not isinstance(lines, list):
        return []
    return [line for line in lines if isinstance(line, dict)]


def trace_of(trail: Mapping[str, Any]) -> Waterfall | None:
    """Return the trace of a trail; None without one that is whole."""
    try:
        found = dict(trail["trace"])
        rows = [Row(**row) for row in found.pop("rows")]
        return Waterfall(rows=tuple(rows), **found)
    except (KeyError, TypeError, ValueError):
        return None  # there is none, or another version has written it


def _fitting(items: Iterable[Any], limit: int) -> list[Any]:
    """Return items from the first one, as long as they fit."""
    kept, size = [], 0
    for item in items:
        size += len(orjson.dumps(item, default=str))
        if size > limit:
            break
        kept.append(item)
    return kept

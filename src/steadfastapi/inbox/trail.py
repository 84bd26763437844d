"""What the process remembers of a request that failed, kept with the error.

Log lines and spans are in the memory of one worker, and soon driven out by others. Some
of an issue's entries take theirs along into the store, so that every worker can show
them, and the one after a restart.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from steadfastapi._guard import guard
from steadfastapi.inbox.complete import MAX_ENTRY, plain_values

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from steadfastapi._plan import Trail
    from steadfastapi.inbox.entry import Entry

MAX_TRAIL = 16 * 1024
"""Bytes as JSON."""
EVERY = 10.0
"""Seconds between two entries of an issue that take theirs along: thousands of the same
would fill the store with what one of them tells."""
MAX_ISSUES = 1_000
"""Issues that are remembered; the oldest are forgotten."""


class Trails:
    """Adds to entries what is remembered of their requests.

    Args:
        sources: Who remembers; asked late, for other layers may come after the inbox.
        clock: Tells seconds.
    """

    def __init__(
        self, sources: Sequence[Trail], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._sources = sources
        self._clock = clock
        self._last: OrderedDict[str, float] = OrderedDict()

    def added(self, entry: Entry) -> Entry:
        """Return an entry with its trail, if it is its turn and there is room."""
        request_id = entry.request.get("id")
        if not self._sources or not request_id or not self._is_due(entry.issue):
            return entry
        trail: dict[str, Any] = {}
        for source in self._sources:
            trace_id = entry.request.get("trace_id")
            trail |= guard.call("inbox.trail", source, request_id, trace_id) or {}
        return guard.call("inbox.trail", _with, entry, trail) or entry

    def _is_due(self, issue: str) -> bool:
        now = self._clock()
        last = self._last.get(issue)
        if last is not None and now - last < EVERY:
            return False
        self._last[issue] = now
        self._last.move_to_end(issue)
        while len(self._last) > MAX_ISSUES:
            self._last.popitem(last=False)
        return True


def _with(entry: Entry, trail: dict[str, Any]) -> Entry:
    kept = plain_values(trail)
    size = len(orjson.dumps(kept))
    fits = size <= MAX_TRAIL and size + len(entry.as_json()) <= MAX_ENTRY
    return replace(entry, trail=kept) if kept and fits else entry

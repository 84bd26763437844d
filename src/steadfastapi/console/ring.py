"""Finished exchanges in memory: those that failed or were slow, and some others.

Every request of the application comes through here, so that a successful one has two
microseconds; what a page shows of it is worked out when somebody looks. Nothing that
is kept holds a scope, a body or a traceback alive, and each is one tuple of plain
values: those the garbage collector forgets, where thousands of other objects would make
each of its full runs longer.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from operator import itemgetter
from time import time
from typing import TYPE_CHECKING, Any, NamedTuple

from steadfastapi.console.ring_minutes import BOUNDS, Minutes

if TYPE_CHECKING:
    from steadfastapi._exchange import Exchange
    from steadfastapi._plan import Plan

SIZE = 500
"""Exchanges of each kind that are kept; a flood of one drives out no other."""
SLOW_AFTER = 1.0
"""Seconds to the last byte, of a streamed response to the first one."""
PER_SECOND = 20
"""Successful and quick exchanges that are kept of each second."""
MAX_PATH = 2_048
MAX_FIELDS = 16
MAX_FIELD = 256


Flat = tuple[Any, ...]
"""The fields of `Kept` in their order, but that of the bound ones each name and each
value is an item of its own."""


class Kept(NamedTuple):
    """What is kept of an exchange; not scrubbed before it is read."""

    id: str
    kind: str
    method: str
    path: str
    route: str | None
    status: int | None
    outcome: str
    at: float
    """Unix time of its start."""
    seconds: float
    first_byte: float | None
    """Seconds until the response began."""
    client: str | None
    trace_id: str | None
    request_size: int
    response_size: int
    error: str
    """Name of the exception's type, if there was one."""
    fields: tuple[tuple[str, Any], ...]
    """What user code bound."""

    @classmethod
    def of(cls, flat: Flat) -> Kept:
        """Return what was kept flat."""
        bound = flat[_PLAIN:]
        pairs = tuple(zip(bound[::2], bound[1::2], strict=True))
        return cls._make((*flat[:_PLAIN], pairs))


_PLAIN = len(Kept._fields) - 1
_ID = itemgetter(Kept._fields.index("id"))
_LATEST = itemgetter(Kept._fields.index("at"), Kept._fields.index("id"))


def watch(plan: Plan, size: int, slow_after: float) -> Ring:
    """Let a new ring watch the exchanges of an application."""
    ring = Ring(size, slow_after=slow_after)
    plan.on_start(ring.begin)
    plan.observe(ring)
    return ring


class Ring:
    """The observer of all exchanges, of this worker.

    Args:
        size: Exchanges of each kind that are kept.
        slow_after: Seconds from which a successful one is slow.
        per_second: Of the successful and quick ones, how many are kept a second.
    """

    def __init__(
        self,
        size: int = SIZE,
        *,
        slow_after: float = SLOW_AFTER,
        per_second: int = PER_SECOND,
    ) -> None:
        self._failed: deque[Flat] = deque(maxlen=size)
        self._refused: deque[Flat] = deque(maxlen=size)
        self._slow: deque[Flat] = deque(maxlen=size)
        self._sampled: deque[Flat] = deque(maxlen=size)
        self.slow_after = slow_after
        self.per_second = per_second
        self.size = size
        self._second = 0
        self._left = per_second
        self.minutes = Minutes()
        self.since = time()
        """Unix time since which it counts: that of this worker's start."""
        self.in_flight = 0
        """Requests that are being served; health checks and the console count not."""

    def begin(self, exchange: Exchange) -> None:
        """Count an exchange that starts."""
        if exchange.kind == "http" and not exchange.quiet:
            self.in_flight += 1

    def __call__(self, exchange: Exchange) -> None:
        """Count a finished exchange, and keep it if it should be."""
        if exchange.quiet:
            return
        is_http = exchange.kind == "http"
        end = exchange.end or exchange.start
        begun = exchange.first_byte
        lasts = begun if exchange.streamed and begun is not None else end
        seconds = lasts - exchange.start
        if is_http:
            self.in_flight -= 1
            minutes = self.minutes
            if end >= minutes.ends_at:
                minutes.roll(end)
            minutes.current.buckets[bisect_left(BOUNDS, seconds)] += 1
        outcome = exchange.outcome
        if outcome != "ok":
            self._keep_failure(exchange, outcome)
        elif is_http and seconds >= self.slow_after:
            self._slow.append(_flat(exchange))
        elif self._has_room(int(end)):
            self._sampled.append(_flat(exchange))

    def everything(self) -> list[Kept]:
        """Return what is kept, latest first."""
        return [Kept.of(flat) for flat in sorted(self._all(), key=_LATEST)[::-1]]

    def find(self, request_id: str) -> Kept | None:
        """Return the latest exchange of a request id, which a client may repeat."""
        found = [flat for flat in self._all() if _ID(flat) == request_id]
        return Kept.of(max(found, key=_LATEST)) if found else None

    def _all(self) -> list[Flat]:
        rings = (self._failed, self._refused, self._slow, self._sampled)
        # A copy in one step: the others go on appending.
        return [flat for ring in rings for flat in ring.copy()]

    def _keep_failure(self, exchange: Exchange, outcome: str) -> None:
        counted = self.minutes.current
        if outcome == "server_error":
            counted.server_errors += exchange.kind == "http"
            self._failed.append(_flat(exchange))
        else:
            counted.client_errors += exchange.kind == "http"
            self._refused.append(_flat(exchange))

    def _has_room(self, second: int) -> bool:
        if second != self._second:
            self._second = second
            self._left = self.per_second
        if self._left <= 0:
            return False
        self._left -= 1
        return True


def _flat(exchange: Exchange) -> Flat:
    begun = exchange.first_byte
    error = exchange.error
    plain = (
        exchange.id,
        exchange.kind,
        exchange.method,
        exchange.path[:MAX_PATH],
        exchange.route,
        exchange.status,
        exchange.outcome,
        exchange.started_at,
        exchange.duration,
        None if begun is None else begun - exchange.start,
        exchange.client,
        exchange.trace_id,
        exchange.request_size,
        exchange.response_size,
        type(error).__name__ if error is not None else "",
    )
    return (*plain, *_bound(exchange.fields)) if exchange.fields else plain


def _bound(fields: dict[str, Any]) -> list[Any]:
    """Return names and plain values; of others, which may be huge, what they are."""
    found: list[Any] = []
    for name, value in fields.copy().items():
        if len(found) == 2 * MAX_FIELDS:
            break
        if type(value) is str:
            value = value[:MAX_FIELD]  # noqa: PLW2901 - the same one, shorter
        elif type(value) not in (int, float, bool, type(None)):
            value = f"<{type(value).__name__}>"  # noqa: PLW2901
        found += (name[:MAX_FIELD], value)
    return found

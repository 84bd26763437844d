"""The exchange: one request and its response, as one record.

`ExchangeMiddleware` in `_middleware` builds it in a single pass. Layers never wrap
the application themselves; they watch the exchange (see `_observers`).
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from time import perf_counter, time
from typing import TYPE_CHECKING, Any, Literal

from steadfastapi._guard import guard
from steadfastapi._observers import Observers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from starlette.types import Scope

Outcome = Literal["ok", "client_error", "server_error", "limited", "aborted"]

SCOPE_KEY = "steadfastapi.exchange"
"""Where the exchange travels in the ASGI scope."""

CLIENT_CLOSED_REQUEST = 499
"""Status in records when the client went away (nginx's convention)."""

MAX_FIELDS = 64
"""Fields that user code can bind to one exchange."""

current: ContextVar[Exchange | None] = ContextVar("steadfastapi_exchange", default=None)


def no_route(_scope: Scope) -> str | None:
    return None


@dataclass(slots=True, eq=False, kw_only=True)
class Exchange:
    """One request and its response, or one WebSocket connection.

    Times are `time.perf_counter()` seconds unless a name says otherwise; sizes are
    bytes of body. What is not known yet, or never will be, is None.
    """

    id: str
    """Request id: the inbound `X-Request-ID` if well formed, else 32 hex digits."""
    kind: Literal["http", "websocket"]
    method: str
    """A known method, or `OTHER`; `WEBSOCKET` for a connection."""
    path: str
    """Decoded path as the server gave it. Never a label: the client chooses it."""
    client: str | None
    """Address of the peer."""
    scope: Scope = field(repr=False)
    """The ASGI scope nearest to the endpoint."""
    quiet: bool = False
    """A health or metrics request: watched by nobody while it succeeds."""
    started_at: float = field(default_factory=time)
    """Unix time."""
    start: float = field(default_factory=perf_counter)
    first_byte: float | None = None
    """When the response started, or the WebSocket was accepted."""
    end: float | None = None
    route: str | None = None
    """Route template with every prefix, e.g. `/api/users/{user_id}`; None when no
    route matched. Known from the response's start on."""
    status: int | None = None
    outcome: Outcome = "ok"
    request_size: int = 0
    response_size: int = 0
    response_headers: Iterable[tuple[bytes, bytes]] = ()
    close_code: int | None = None
    """Close code of a WebSocket."""
    trace_id: str | None = None
    """32 hex digits."""
    span_id: str | None = None
    """16 hex digits."""
    sampled: bool = False
    error: BaseException | None = None
    """The exception that decided this exchange."""
    handled: bool = False
    """Whether an exception handler turned `error` into a response."""
    disconnected: bool = False
    """The client went away before the response was complete."""
    nested: bool = False
    """Another request of this process is waiting for this one."""
    streamed: bool = False
    """The body came in more than one message."""
    fields: dict[str, Any] = field(default_factory=dict)
    """What user code bound; part of every later log line of the exchange."""
    route_of: Callable[[Scope], str | None] = field(default=no_route, repr=False)
    observers: Observers = field(default_factory=Observers, repr=False)
    noted: BaseException | None = field(default=None, repr=False)
    """An exception that a handler of the application took; reported as the error
    when the response turns out to be a server error."""
    reported: tuple[BaseException, ...] = field(default=(), repr=False)
    """Every exception that was announced."""

    @property
    def duration(self) -> float:
        """Seconds from the start to the last byte, or until now."""
        return (perf_counter() if self.end is None else self.end) - self.start

    @property
    def time_to_first_byte(self) -> float | None:
        """Seconds until the response started."""
        return None if self.first_byte is None else self.first_byte - self.start

    def resolve_route(self) -> str | None:
        """Return the route template as far as routing has come; None before."""
        if self.route is None:
            try:
                self.route = self.route_of(self.scope)
            except Exception as error:
                guard.swallow("routes", error)
        return self.route

    def bind(self, **fields: Any) -> None:
        """Add fields to this exchange; beyond `MAX_FIELDS` new ones are dropped."""
        for name, value in fields.items():
            if name in self.fields or len(self.fields) < MAX_FIELDS:
                self.fields[name] = value

    def report(self, exception: BaseException, *, handled: bool) -> None:
        """Announce `exception` to the error observers, once per exception object.

        Args:
            exception: What was raised.
            handled: Whether an exception handler answered it; an unhandled one
                escaped the application.
        """
        if any(exception is known for known in self.reported):
            return
        self.reported = (*self.reported, exception)
        if self.error is None or self.handled:
            # What escaped stays the error, also when its handler fails in turn.
            self.error = exception
            self.handled = handled
        self.observers.on_error(self, exception)


def current_exchange() -> Exchange | None:
    """Return the exchange being served, from anywhere in it, threads included.

    None outside of a request.
    """
    return current.get()


def bind(**fields: Any) -> None:
    """Add fields to the current exchange and to every later log line of it.

    Works in async and sync endpoints and dependencies, background tasks and behind
    any middleware, because the fields live on the exchange and not in a context
    variable. Outside of a request it does nothing.

    Args:
        **fields: Names and values, e.g. `bind(user_id=user.id)`. Secrets are masked
            when a line is written.
    """
    exchange = current.get()
    if exchange is not None:
        exchange.bind(**fields)


def outcome_of(exchange: Exchange) -> Outcome:
    """Return how a finished exchange ended."""
    if exchange.disconnected:
        return "aborted"
    if exchange.outcome != "ok":
        return exchange.outcome
    status = exchange.status or 0
    # Middleware may have ended the body of an error as if nothing had happened.
    escaped = exchange.error is not None and not exchange.handled
    if status >= 500 or escaped:  # noqa: PLR2004
        return "server_error"
    if status == 429:  # noqa: PLR2004
        return "limited"
    if status >= 400:  # noqa: PLR2004
        return "client_error"
    return "ok"

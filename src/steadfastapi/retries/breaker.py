"""Circuit breakers: stop to call what is down, and find out when it is back."""

from __future__ import annotations

import functools
import threading
import time
from collections import deque
from contextlib import contextmanager
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    ParamSpec,
    TypedDict,
    TypeVar,
    Unpack,
    cast,
    overload,
)

from steadfastapi import _unavailable
from steadfastapi._counts import counts
from steadfastapi._guard import guard
from steadfastapi.exceptions import CircuitOpenError, ConfigurationError
from steadfastapi.retries import callables, report
from steadfastapi.signals import CIRCUIT_BREAKER_STATE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

P = ParamSpec("P")
R = TypeVar("R")

BreakerState = Literal["closed", "half_open", "open"]
_VALUES: dict[BreakerState, float] = {"closed": 0.0, "half_open": 1.0, "open": 2.0}

IN_A_ROW = 5
RATIO = 0.5
MINIMUM_CALLS = 20
REMEMBERED = 100
"""Calls that the ratio is taken of (resilience4j's default)."""
MEMORY = 60.0
"""Seconds after which a call says nothing about now."""
SERVER_ERROR = 500
TOO_MANY_REQUESTS = 429
_ANSWERED = ("22", "23", "42")
"""SQLSTATE classes of wrong data, constraints and wrong SQL."""

OPEN_FOR = 5.0
MAX_OPEN_FOR = 60.0
PROBES = 3
MAX_PROBES = 10


class Figures(TypedDict, total=False):
    """Settings of a breaker; `circuit_breaker` documents them."""

    failures: int
    ratio: float
    minimum_calls: int
    probes: int
    open_for: float
    is_failure: Callable[[Exception], bool]


class CircuitBreaker:
    """The breaker that `circuit_breaker` makes; one per backend.

    A decorator for sync and async functions; `block` is for anything else. It opens
    after five failures in a row, or when half of at least 20 calls of the last minute
    failed. While it is open, calls fail at once by `CircuitOpenError`, which becomes a
    503 with `Retry-After`. After 5 seconds it lets a few calls through, one after the
    other or together: all of them must work, or it opens again for twice as long, at
    most a minute.

    Cancelled calls say nothing about a backend and are not counted.
    """

    def __init__(
        self,
        name: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        **figures: Unpack[Figures],
    ) -> None:
        self.name = name
        self._failures = figures.get("failures", IN_A_ROW)
        self._ratio = figures.get("ratio", RATIO)
        self._minimum_calls = figures.get("minimum_calls", MINIMUM_CALLS)
        self._probes = figures.get("probes", PROBES)
        self._first_open_for = figures.get("open_for", OPEN_FOR)
        self._is_failure = figures.get("is_failure", is_outage)
        self._check()
        self._clock = clock
        self._lock = threading.Lock()
        self._state: BreakerState = "closed"
        self._open_for = self._first_open_for
        self._results: deque[tuple[float, bool]] = deque(maxlen=REMEMBERED)
        self._in_a_row = self._under_way = self._good = 0
        self._until = 0.0
        self._round = 0
        """Changes with every turn."""
        counts.declare(CIRCUIT_BREAKER_STATE, name)
        _unavailable.expect()

    def __repr__(self) -> str:
        return f"<CircuitBreaker {self.name!r}: {self.state}>"

    @property
    def state(self) -> BreakerState:
        """`closed`, `open` or `half_open`; an open one turns when a call comes."""
        return self._state

    def reset(self) -> None:
        """Close it and forget everything; for tests, and for people who know."""
        with self._lock:
            self._reset()
        self._tell()

    def before(self) -> int:
        """Ask whether a call may be made; for code that is neither function nor block.

        Returns:
            What `after` wants to know.

        Raises:
            CircuitOpenError: It may not.
        """
        if self._state == "closed":
            return self._round
        with self._lock:
            entry, turned = self._round, self._let_through(self._clock())
        if turned:
            self._tell()
        return entry + turned

    def after(self, entry: int, error: BaseException | None) -> None:
        """Report how a call ended.

        Args:
            entry: What `before` returned.
            error: What it raised, or None.
        """
        worked = self._verdict(error)
        with self._lock:
            if entry != self._round:
                return  # begun in another state: old news
            if worked is None:
                self._under_way -= self._state == "half_open"
            elif self._state == "half_open":
                self._probed(worked=worked)
            elif self._state == "closed":
                self._recorded(worked=worked)
            turned = entry != self._round
        if turned:
            self._tell()

    @contextmanager
    def block(self) -> Iterator[None]:
        """Guard a block: `with breaker.block():`, in sync and async code.

        Raises:
            CircuitOpenError: It is open; the block was not entered.
        """
        entry = self.before()
        try:
            yield
        except BaseException as error:
            self.after(entry, error)
            raise
        self.after(entry, None)

    def __call__(self, function: Callable[P, R], /) -> Callable[P, R]:
        """Decorate a sync or async function.

        Raises:
            RetryRefused: A generator or a lambda, whose end nobody sees.
        """
        call: Any = function
        if callables.is_async(function, "circuit_breaker"):

            @functools.wraps(function)
            async def guarded(*args: Any, **kwargs: Any) -> Any:
                with self.block():
                    return await call(*args, **kwargs)

        else:

            @functools.wraps(function)
            def guarded(*args: Any, **kwargs: Any) -> Any:
                with self.block():
                    return call(*args, **kwargs)

        guarded.breaker = self  # type: ignore[attr-defined]
        return cast("Callable[P, R]", guarded)

    def _let_through(self, now: float) -> bool:
        """Return whether it turned; raise where a call may not be made."""
        turned = self._state != "closed" and now >= self._until
        if turned:
            # Open for long enough; or half-open, with probes that never ended.
            self._turn("half_open", now)
        if self._state == "open" or (
            self._state == "half_open" and self._under_way + self._good >= self._probes
        ):
            raise self._error(self._until - now)
        self._under_way += self._state == "half_open"
        return turned

    def _verdict(self, error: BaseException | None) -> bool | None:
        """Return whether the backend worked; None where nobody can tell."""
        if error is None:
            return True
        if not isinstance(error, Exception):
            return None
        failed = guard.call("retries.breaker", self._is_failure, error)
        return None if failed is None else not failed

    def _recorded(self, *, worked: bool) -> None:
        now = self._clock()
        self._results.append((now, worked))
        self._in_a_row = 0 if worked else self._in_a_row + 1
        if worked:
            return
        while self._results[0][0] < now - MEMORY:
            self._results.popleft()
        total = len(self._results)
        failed = sum(not good for _, good in self._results)
        if self._in_a_row >= self._failures or (
            total >= self._minimum_calls and failed >= self._ratio * total
        ):
            self._turn("open", now)

    def _probed(self, *, worked: bool) -> None:
        self._under_way -= 1
        if not worked:
            self._open_for = min(2 * self._open_for, MAX_OPEN_FOR)
            self._turn("open", self._clock())
            return
        self._good += 1
        if self._good >= self._probes:
            self._reset()

    def _turn(self, state: BreakerState, now: float) -> None:
        self._state = state
        self._round += 1
        self._until = now + self._open_for
        self._under_way = self._good = 0

    def _reset(self) -> None:
        self._state = "closed"
        self._round += 1
        self._results.clear()
        self._in_a_row = self._under_way = self._good = 0
        self._open_for = self._first_open_for
        self._until = 0.0

    def _tell(self) -> None:
        counts.set(CIRCUIT_BREAKER_STATE, _VALUES[self._state], self.name)
        report.breaker(self.name, self._state)

    def _error(self, retry_after: float) -> CircuitOpenError:
        error = CircuitOpenError(self.name, retry_after)
        _unavailable.mark(error, retry_after)
        return error

    def _check(self) -> None:
        problems = [
            f"circuit_breaker({self.name!r}): {setting}={value!r}; write {allowed}."
            for setting, value, allowed, fits in (
                ("failures", self._failures, "1 or more", self._failures >= 1),
                ("ratio", self._ratio, "a share above 0", 0 < self._ratio <= 1),
                (
                    "minimum_calls",
                    self._minimum_calls,
                    f"1 to {REMEMBERED}",
                    1 <= self._minimum_calls <= REMEMBERED,
                ),
                (
                    "probes",
                    self._probes,
                    f"1 to {MAX_PROBES}",
                    1 <= self._probes <= MAX_PROBES,
                ),
                (
                    "open_for",
                    self._first_open_for,
                    f"{OPEN_FOR:g} to {MAX_OPEN_FOR:g} seconds",
                    OPEN_FOR <= self._first_open_for <= MAX_OPEN_FOR,
                ),
            )
            if not fits
        ]
        if problems:
            raise ConfigurationError(problems)


@overload
def circuit_breaker(function: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def circuit_breaker(name: str, /, **figures: Unpack[Figures]) -> CircuitBreaker: ...
def circuit_breaker(name: Any, /, **figures: Any) -> Any:
    """Return a circuit breaker, or a function with one of its own.

        partner = circuit_breaker("partner")

        @partner
        async def book(order: Order) -> str: ...

    Put it inside of a retry, so that the attempts count, and an open breaker ends
    them: `CircuitOpenError` is not retried.

    Args:
        name: Of the backend, for logs and metrics; a name that is declared in code.
            Functions that call the same backend share its breaker.
        **figures: `failures` in a row that open it (5); `ratio` of failures that opens
            it (0.5) once there are `minimum_calls` (20) in the last minute; `open_for`
            seconds (5, then twice as long each time, at most 60); `probes` that must
            work before it closes (3, at most 10); `is_failure`, a function of the
            error that returns whether the backend failed. By default every `Exception`
            is one, except where the backend answered: a 4xx, a constraint.

    Raises:
        ConfigurationError: A figure is out of its range.
        RetryRefused: A generator or a lambda, whose end nobody sees.
    """
    if isinstance(name, str):
        return CircuitBreaker(name, **figures)
    callables.is_async(name, "circuit_breaker")
    return CircuitBreaker(callables.name_of(name), **figures)(name)


def is_outage(error: Exception) -> bool:
    """Return whether an error speaks against the backend, rather than the request."""
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", getattr(error, "status_code", None))
    if isinstance(status, int):
        return status >= SERVER_ERROR or status == TOO_MANY_REQUESTS
    cause = getattr(error, "orig", error)
    state = getattr(cause, "sqlstate", None)
    if isinstance(state, str):
        return not state.startswith(_ANSWERED)
    return type(cause).__name__ != "IntegrityError"  # sqlite3's has no SQLSTATE

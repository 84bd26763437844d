"""The circuit breaker, beside its figures (RT-11)."""

import asyncio
import logging
import pickle
import threading
from typing import Any

import httpx
import pytest
import sqlalchemy.exc
from starlette.exceptions import HTTPException

from steadfastapi import CircuitOpenError, ConfigurationError, circuit_breaker
from steadfastapi.retries.breaker import CircuitBreaker, is_outage
from steadfastapi.testing import internal_errors

pytestmark = pytest.mark.anyio


class Clock:
    """Seconds that pass when told."""

    now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def opened(clock: Clock, **figures: Any) -> CircuitBreaker:
    """Return a breaker that has just opened."""
    breaker = CircuitBreaker("b", clock=clock, failures=1, **figures)
    breaker.after(breaker.before(), OSError())
    return breaker


def state(breaker: CircuitBreaker) -> str:
    """Return its state."""
    return breaker.state


async def test_it_decorates_sync_and_async_functions() -> None:
    """Functions of one backend share a breaker; what they return passes."""
    partner = circuit_breaker("partner", failures=2)

    @partner
    async def book(number: int) -> int:
        """Book."""
        if number < 0:
            raise ConnectionError
        return number

    @partner
    def cancel(number: int) -> int:
        if number < 0:
            raise ConnectionError
        return number

    assert [1, 2] == [await book(1), cancel(2)]
    assert ("book", "Book.") == (book.__name__, book.__doc__)
    with pytest.raises(ConnectionError):
        await book(-1)
    with pytest.raises(ConnectionError):
        cancel(-1)
    with pytest.raises(CircuitOpenError, match="'partner' is open"):
        await book(1)
    assert "<CircuitBreaker 'partner': open>" == repr(partner)


def test_bare_it_makes_a_breaker_of_the_functions_name() -> None:
    """Which is at hand as `.breaker`."""

    @circuit_breaker
    def quote() -> int:
        return 1

    breaker: CircuitBreaker = quote.breaker  # type: ignore[attr-defined]
    assert (1, "closed") == (quote(), breaker.state)
    assert breaker.name.endswith("quote")


async def test_cancelled_calls_say_nothing() -> None:
    """Neither while it is closed, nor as a probe."""
    clock = Clock()
    breaker = CircuitBreaker("b", clock=clock, failures=1, probes=1)
    for _ in range(2):
        with pytest.raises(asyncio.CancelledError), breaker.block():
            raise asyncio.CancelledError
    assert "closed" == state(breaker)
    breaker.after(breaker.before(), OSError())
    clock.now += 5
    with pytest.raises(asyncio.CancelledError), breaker.block():
        raise asyncio.CancelledError
    assert "half_open" == state(breaker)
    with breaker.block():
        pass
    assert "closed" == state(breaker)


def test_probes_that_never_end_do_not_keep_it_half_open() -> None:
    """After as long as it was open, others get a chance; the old ones are old news."""
    clock = Clock()
    breaker = opened(clock, probes=1)
    clock.now += 5
    hanging = breaker.before()
    with pytest.raises(CircuitOpenError):
        breaker.before()
    clock.now += 5
    entry = breaker.before()
    breaker.after(hanging, OSError())
    assert "half_open" == state(breaker)
    breaker.after(entry, None)
    assert "closed" == state(breaker)


def test_results_of_an_earlier_state_do_not_count() -> None:
    """A call that began before it opened, and fails late."""
    clock = Clock()
    breaker = CircuitBreaker("b", clock=clock, failures=1, probes=2)
    late = breaker.before()
    breaker.after(breaker.before(), OSError())
    clock.now += 5
    first, second = breaker.before(), breaker.before()
    breaker.after(late, OSError())
    breaker.after(first, None)
    breaker.after(second, None)
    assert "closed" == state(breaker)


def test_old_results_are_forgotten() -> None:
    """What failed more than a minute ago says nothing about now."""
    clock = Clock()
    breaker = CircuitBreaker("b", clock=clock, failures=100)
    for _ in range(19):
        breaker.after(breaker.before(), OSError())
    clock.now += 61
    breaker.after(breaker.before(), OSError())
    assert "closed" == state(breaker)
    breaker.reset()
    assert "closed" == state(breaker)


def test_threads_get_no_more_probes_than_allowed() -> None:
    """However many ask at once."""
    clock = Clock()
    breaker = opened(clock, probes=3)
    clock.now += 5
    allowed = []
    barrier = threading.Barrier(8)

    def ask() -> None:
        barrier.wait()
        try:
            allowed.append(breaker.before())
        except CircuitOpenError:
            return

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 3 == len(allowed)


def test_a_predicate_that_fails_is_contained() -> None:
    """The call's own error is what the caller sees."""

    def broken(_: Exception) -> bool:
        raise LookupError

    breaker = circuit_breaker("b", is_failure=broken, failures=1)
    with internal_errors() as errors, pytest.raises(OSError, match="mine"):
        breaker(_raise)("mine")
    assert ({"retries.breaker": 1}, "closed") == (dict(errors), state(breaker))


def _raise(text: str) -> None:
    raise OSError(text)


def test_each_turn_is_a_log_line(caplog: pytest.LogCaptureFixture) -> None:
    """With its name and state."""
    clock = Clock()
    with caplog.at_level(logging.WARNING, "steadfastapi.retries"):
        breaker = opened(clock, probes=1)
        clock.now += 5
        with breaker.block():
            pass
    assert [("b", "open"), ("b", "half_open"), ("b", "closed")] == [
        (vars(record)["breaker"], vars(record)["state"]) for record in caplog.records
    ]


@pytest.mark.parametrize(
    "figures",
    [
        {"failures": 0},
        {"ratio": 0},
        {"ratio": 1.1},
        {"minimum_calls": 101},
        {"probes": 11},
        {"open_for": 4},
        {"open_for": 61},
    ],
)
def test_figures_out_of_range_are_refused(figures: dict[str, Any]) -> None:
    """When it is made, with what to write instead."""
    (name,) = figures
    with pytest.raises(ConfigurationError, match=f"{name}=.*write"):
        circuit_breaker("b", **figures)


def test_its_error_can_be_pickled() -> None:
    """As errors that cross a process have to be."""
    error = pickle.loads(pickle.dumps(CircuitOpenError("b", 3.5)))
    assert ("b", 3.5) == (error.breaker, error.retry_after)


def answered(status: int) -> httpx.HTTPStatusError:
    """Return httpx's error for a status."""
    request = httpx.Request("GET", "http://partner")
    response = httpx.Response(status, request=request)
    return httpx.HTTPStatusError("", request=request, response=response)


class DriverError(Exception):
    """A driver's, with an SQLSTATE."""

    def __init__(self, sqlstate: str | None) -> None:
        self.sqlstate = sqlstate


class IntegrityError(Exception):
    """sqlite3's has no SQLSTATE."""


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(), True),
        (answered(500), True),
        (answered(429), True),
        (answered(404), False),
        (HTTPException(409), False),
        (HTTPException(503), True),
        (sqlalchemy.exc.DBAPIError("", {}, DriverError("57P01")), True),
        (sqlalchemy.exc.DBAPIError("", {}, DriverError("23505")), False),
        (sqlalchemy.exc.DBAPIError("", {}, DriverError(None)), True),
        (sqlalchemy.exc.IntegrityError("", {}, IntegrityError()), False),
    ],
)
def test_what_speaks_against_a_backend(error: Exception, *, expected: bool) -> None:
    """Not what it answered to a wrong request."""
    assert expected == is_outage(error)

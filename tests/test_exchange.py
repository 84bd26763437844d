"""The record of one request, apart from how it is filled."""

import threading
from contextvars import copy_context

import pytest

from steadfastapi import Exchange, bind, current_exchange
from steadfastapi._exchange import MAX_FIELDS, Outcome, current, outcome_of
from steadfastapi._guard import guard
from steadfastapi._observers import Observers
from steadfastapi.testing import internal_errors


def exchange(**values: object) -> Exchange:
    """Return the exchange of a GET."""
    return Exchange(
        id="abcd-123",
        kind="http",
        method="GET",
        path="/",
        client=None,
        scope={},
        **values,  # type: ignore[arg-type]
    )


def test_durations_are_seconds_between_the_moments() -> None:
    """The first byte and the end are measured from the start."""
    done = exchange(start=10.0, first_byte=10.25, end=12.5)

    assert (2.5, 0.25) == (done.duration, done.time_to_first_byte)


def test_what_has_not_happened_has_no_time() -> None:
    """A running exchange has a duration so far, and no time to first byte."""
    running = exchange()

    assert running.time_to_first_byte is None
    assert running.duration >= 0


def test_the_route_is_resolved_until_it_is_known() -> None:
    """None is asked again, for routing has come further; a template is kept."""
    found = iter([None, "/users/{user_id}"])
    one = exchange(route_of=lambda scope: next(found))

    assert [None, "/users/{user_id}", "/users/{user_id}"] == [
        one.resolve_route() for _ in range(3)
    ]


def test_a_failing_resolver_is_contained() -> None:
    """The exchange then has no route, and the error is counted."""

    def fail(scope: object) -> str:
        raise ValueError

    with internal_errors() as counted:
        assert exchange(route_of=fail).resolve_route() is None
    assert {"routes": 1} == counted


def test_bound_fields_are_bounded() -> None:
    """New names beyond the maximum are dropped; known ones still change."""
    one = exchange()
    one.bind(**{f"field_{n}": n for n in range(MAX_FIELDS)})
    one.bind(one_too_many=1, field_0="changed")

    assert MAX_FIELDS == len(one.fields)
    assert "changed" == one.fields["field_0"]
    assert "one_too_many" not in one.fields


def test_bind_outside_of_a_request_does_nothing() -> None:
    """Code that is shared with a script need not ask where it runs."""
    bind(user_id=7)

    assert current_exchange() is None


def test_bind_reaches_the_exchange_from_a_copied_context() -> None:
    """Threads and tasks get a copy of the context, and the same exchange."""
    one = exchange()
    token = current.set(one)
    context = copy_context()
    current.reset(token)
    thread = threading.Thread(target=context.run, args=(bind,), kwargs={"user_id": 7})
    thread.start()
    thread.join()

    assert {"user_id": 7} == one.fields
    assert current_exchange() is None


def test_an_exception_is_announced_once() -> None:
    """Two boundaries and a handler see the same object: the observers see it once."""
    seen: list[BaseException] = []
    observers = Observers(error=(("test", lambda _, error: seen.append(error)),))
    one = exchange(observers=observers)
    first, second = ValueError("a"), ValueError("a")
    for error in (first, first, second, first):
        one.report(error, handled=False)

    assert [first, second] == seen


def test_what_escaped_stays_the_error() -> None:
    """A handled exception gives way to one that escaped, never the reverse."""
    answered, escaped, later = KeyError(), ValueError(), TypeError()
    one = exchange()
    one.report(answered, handled=True)
    before = (one.error, one.handled)
    one.report(escaped, handled=False)
    one.report(later, handled=False)

    assert (answered, True) == before
    assert (escaped, False) == (one.error, one.handled)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (101, "ok"),
        (200, "ok"),
        (304, "ok"),
        (None, "ok"),
        (400, "client_error"),
        (428, "client_error"),
        (429, "limited"),
        (430, "client_error"),
        (499, "client_error"),
        (500, "server_error"),
        (503, "server_error"),
    ],
)
def test_the_outcome_follows_from_the_status(
    status: int | None, expected: Outcome
) -> None:
    """Unless something else decided it."""
    assert expected == outcome_of(exchange(status=status))


def test_a_client_that_left_aborts_whatever_the_status() -> None:
    """An outcome that was decided before stands against the status only."""
    assert "aborted" == outcome_of(exchange(status=500, disconnected=True))
    assert "server_error" == outcome_of(exchange(status=200, outcome="server_error"))


def test_the_repr_shows_neither_scope_nor_observers() -> None:
    """Headers with secrets travel in the scope, and an exchange gets printed."""
    shown = repr(exchange())

    assert "abcd-123" in shown
    assert "scope" not in shown
    assert "observers" not in shown
    assert 0 == guard.counts.total()

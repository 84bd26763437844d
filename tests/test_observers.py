"""The four moments of an exchange."""

from typing import Any, NoReturn

import pytest

from steadfastapi import Exchange
from steadfastapi._observers import Observers
from steadfastapi.testing import internal_errors


def exchange() -> Exchange:
    """Return the exchange of a GET."""
    return Exchange(
        id="abcd-123", kind="http", method="GET", path="/", client=None, scope={}
    )


def fail(*_: object) -> NoReturn:
    """Raise, as an observer should not."""
    raise ValueError("boom")


def test_everyone_is_called_in_order() -> None:
    """Each moment calls its own watchers, with the exchange."""
    seen: list[tuple[str, object]] = []
    error = ValueError()
    observers = Observers(
        start=(("a", lambda it: seen.append(("start", it))),),
        error=(("b", lambda it, what: seen.append(("error", what))),),
        response=(("c", lambda it: seen.append(("response", it))),),
        finish=(
            ("d", lambda it: seen.append(("finish 1", it))),
            ("e", lambda it: seen.append(("finish 2", it))),
        ),
    )
    it = exchange()
    undos = observers.on_start(it)
    observers.on_error(it, error)
    observers.on_response(it)
    observers.on_finish(it)

    assert [] == undos
    assert [
        ("start", it),
        ("error", error),
        ("response", it),
        ("finish 1", it),
        ("finish 2", it),
    ] == seen


def test_undos_are_returned_with_their_component() -> None:
    """The middleware undoes them, the last one first."""

    def first() -> None: ...

    def second() -> None: ...

    observers = Observers(
        start=(("a", lambda _: first), ("b", lambda _: None), ("c", lambda _: second))
    )

    assert [("a", first), ("c", second)] == observers.on_start(exchange())


@pytest.mark.parametrize("moment", ["start", "error", "response", "finish"])
def test_one_that_raises_stops_no_other(moment: str) -> None:
    """The rest are called, and the error is counted under its component."""
    seen: list[str] = []
    watchers: Any = (("bad", fail), ("good", lambda *_: seen.append(moment)))
    observers = Observers(**{moment: watchers})
    with internal_errors() as counted:
        if moment == "error":
            observers.on_error(exchange(), ValueError())
        else:
            getattr(observers, f"on_{moment}")(exchange())

    assert [moment] == seen
    assert {"bad": 1} == counted


def test_under_pytest_an_observer_that_raises_fails_the_test() -> None:
    """A bug of ours must not hide in a counter."""
    observers = Observers(finish=(("bad", fail),))
    with pytest.raises(ValueError, match="boom"):
        observers.on_finish(exchange())

"""Business events: counted by names that are written in code."""

from typing import Any

import pytest
from fastapi import FastAPI

from steadfastapi import _events, configure
from steadfastapi._events import count_event
from steadfastapi.testing import internal_errors


def counted(app: FastAPI) -> dict[str, float]:
    """Return what the metrics of an application say, by event."""
    from steadfastapi._configure import stack_of

    stack = stack_of(app)
    assert stack is not None
    return {
        sample.labels["event"]: sample.value
        for family in stack.metrics.registry.collect()
        if family.name == "business_events"
        for sample in family.samples
    }


@pytest.fixture
def app() -> FastAPI:
    """A configured application."""
    app = FastAPI()
    configure(app, logs=False, tracing=False, sentry=False)
    return app


def test_events_are_counted_by_name(app: FastAPI) -> None:
    """One by one, or several at once."""
    count_event("order_placed")
    count_event("order_placed")
    count_event("item_sold", 2.5)

    found = counted(app)
    assert (2, 2.5) == (found["order_placed"], found["item_sold"])


def test_an_event_can_start_at_zero() -> None:
    """Also before the application is configured, so that its first one is a rise."""
    count_event("signed_up", 0)
    late = FastAPI()
    configure(late, logs=False, tracing=False, sentry=False)

    assert 0 == counted(late)["signed_up"]
    count_event("signed_up")
    assert 1 == counted(late)["signed_up"]


@pytest.mark.parametrize(
    ("name", "amount"),
    [
        ("Order placed", 1),
        ("", 1),
        ("a" * 65, 1),
        (7, 1),
        (["x"], 1),
        ("order_placed", -1),
        ("order_placed", float("nan")),
        ("order_placed", "many"),
    ],
)
def test_a_mistake_raises_nothing(app: FastAPI, name: Any, amount: Any) -> None:
    """It is an internal error, and counts no event."""
    with internal_errors() as errors:
        count_event(name, amount)

    assert {"events": 1} == dict(errors)
    assert 0 == sum(counted(app).values())


def test_names_are_bounded(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that a client sends cannot fill the memory."""
    monkeypatch.setattr(_events, "MAX_NAMES", 2)
    for name in ("a", "b", "c", "d", "a"):
        count_event(name)

    found = counted(app)
    assert (2, 1, 2) == (found["a"], found["b"], found["other"])
    assert "c" not in found

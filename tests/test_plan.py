"""What a layer can add to the plan."""

from typing import Any

import pytest
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from steadfastapi import Layer, Plan, Service, configure
from steadfastapi._lifespan import LifespanPart
from steadfastapi._plan import Contribution, Slot
from steadfastapi.exceptions import ConfigurationError, LayerOrderError
from steadfastapi.testing import capture
from support.asgi import App, call
from support.drive import in_loop


def plan() -> Plan:
    """Return a plan to which the layer `mine` contributes."""
    made = Plan(service=Service(name="shop"), app=FastAPI())
    made.layer = "mine"
    return made


def piece(app: App) -> App:
    """Return the application itself, as a middleware that does nothing."""
    return app


def page() -> Route:
    """Return a page of ours."""
    return Route("/mine", lambda _: PlainTextResponse("page"), methods=["GET"])


def test_everything_added_is_noted() -> None:
    """The printed plan shows what each layer does, and where."""
    made = plan()
    made.on_start(lambda _: None)
    made.on_error(lambda *_: None)
    made.on_response(lambda _: None)
    made.observe(lambda _: None)
    made.piece("limits", piece)
    made.page(page())
    made.lifespan(LifespanPart(name="a flush"))
    made.log_processor(lambda event: event)
    made.openapi(lambda _: None)
    made.note("says hello", "process")

    assert [
        Contribution("mine", "prepares each exchange", "start"),
        Contribution("mine", "watches errors", "error"),
        Contribution("mine", "watches responses", "response"),
        Contribution("mine", "watches finished exchanges", "finish"),
        Contribution("mine", "piece", "limits"),
        Contribution("mine", "GET, HEAD /mine", "route"),
        Contribution("mine", "starts and stops a flush", "lifespan"),
        Contribution("mine", "adds to log events", "log"),
        Contribution("mine", "completes the OpenAPI document", "openapi"),
        Contribution("mine", "says hello", "process"),
    ] == made.contributions


def test_observers_are_named_after_their_layer_and_moment() -> None:
    """That is how their errors are counted."""
    made = plan()

    def watch(*_: object) -> None: ...

    made.on_start(watch)
    made.on_error(watch)
    made.on_response(watch)
    made.observe(watch)
    observers = made.observers()

    assert (("mine.start", watch),) == observers.start
    assert (("mine.error", watch),) == observers.error
    assert (("mine.response", watch),) == observers.response
    assert (("mine.observer", watch),) == observers.finish


def test_two_layers_in_one_slot_are_named() -> None:
    """Nobody decides silently which one stays."""
    made = plan()
    made.piece("limits", piece)
    made.layer = "theirs"
    with pytest.raises(LayerOrderError) as caught:
        made.piece("limits", piece)

    message = "Layers 'mine' and 'theirs' both want the slot 'limits'; "
    assert [f"{message}switch one of them off."] == caught.value.problems


@pytest.mark.parametrize("slot", ["exchange", "outer_boundary", "user", "boundary"])
def test_the_slots_of_the_spine_are_closed(slot: Slot) -> None:
    """A piece there would be lost, or break what the order promises."""
    with pytest.raises(LayerOrderError, match=f"'mine' wants the slot '{slot}'"):
        plan().piece(slot, piece)


@pytest.mark.parametrize("arguments", [{"allow_origin": ["*"]}, {"app": piece}])
def test_a_piece_that_cannot_be_built_is_a_problem(arguments: dict[str, Any]) -> None:
    """Found at once, and not at the first request."""
    made = plan()
    made.piece("limits", CORSMiddleware, **arguments)

    assert 1 == len(made.problems)
    assert "Layer 'mine' cannot build CORSMiddleware: " in made.problems[0]


def test_pieces_are_sorted_into_outside_and_inside() -> None:
    """Of the user's middleware, as the order says."""
    made = plan()
    for slot in ("limits", "server_span", "body_limit"):
        made.piece(slot, piece)
    outer, inner = made.ordered_pieces()

    assert ["server_span"] == [found.slot for found in outer]
    assert ["body_limit", "limits"] == [found.slot for found in inner]


class Mine:
    """A layer that uses what a foreign one can."""

    name = "mine"

    def contribute(self, plan: Plan) -> None:
        """Serve a page, expose a handle, set something up, edit the document."""
        plan.page(page())
        plan.quiet("/quiet")
        plan.handle({"ready": True})
        plan.set_up(lambda: self.seen.append("set up"))
        plan.openapi(lambda document: document.update({"x-mine": 1}))
        plan.log_processor(lambda event: {**event, "mine": True})
        plan.warn("mine is for show")

    def __init__(self) -> None:
        self.seen: list[str] = []


def test_a_layer_of_ones_own_is_applied() -> None:
    """With nothing that a built-in layer does not use either."""
    app, layer = FastAPI(), Mine()
    app.add_api_route("/quiet/a", lambda: "ok")
    app.add_api_route("/loud", lambda: "ok")
    stack = configure(app, tracing=False, sentry=False, extra=[layer])
    with capture(app) as seen:
        answer = in_loop(call, app, path="/mine")
        for path in ("/quiet/a", "/loud"):
            in_loop(call, app, path=path)

    assert isinstance(layer, Layer)
    assert (200, b"page") == (answer.status, answer.body)
    assert ["set up"] == layer.seen
    assert {"ready": True} == stack.plan.handles["mine"]
    assert 1 == app.openapi()["x-mine"]
    assert [("/loud", True)] == [
        (line["route"], line["mine"]) for line in seen.events("request")
    ]
    assert ["mine is for show"] == stack.plan.warnings


class Wrong:
    """A layer that finds mistakes in both ways."""

    name = "wrong"

    def contribute(self, plan: Plan) -> None:
        """Report one and raise another."""
        plan.problem("wrong is wrong.")
        raise ConfigurationError("wrong is very wrong.")


def test_problems_of_a_layer_are_reported_together() -> None:
    """Whether it reports or raises them; nothing is applied."""
    app = FastAPI()
    with pytest.raises(ConfigurationError) as caught:
        configure(app, tracing=False, sentry=False, extra=[Wrong(), Mine()])

    assert ["wrong is wrong.", "wrong is very wrong."] == caught.value.problems
    assert [] == app.user_middleware
    assert 404 == in_loop(call, app, path="/mine").status

"""The order that is written down is the order that is built."""

from collections.abc import Callable
from typing import Any, get_args

import pytest
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from steadfastapi import Plan, configure
from steadfastapi._boundary import ErrorBoundary
from steadfastapi._middleware import ExchangeMiddleware
from steadfastapi._plan import ORDER, Slot
from support.apps import built
from support.asgi import call
from support.drive import in_loop

LIMITED = "max_body_size" in FastAPI.__init__.__annotations__
"""Whether the framework has a body limit (FastAPI 0.165)."""


class Passing:
    """A middleware that does nothing."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on."""
        await self.app(scope, receive, send)


class ServerSpan(Passing):
    """Stands for tracing."""


class Limits(Passing):
    """Stands for rate limits."""


class BodyLimit(Passing):
    """Stands for the framework's, where it has none."""


class Maintenance(Passing):
    """Stands for the health layer's."""


class Pieces:
    """A layer that fills every slot that is open."""

    name = "pieces"

    def contribute(self, plan: Plan) -> None:
        """Ask for the slots in another order than they have."""
        plan.piece("limits", Limits)
        plan.piece("body_limit", BodyLimit)
        plan.piece("maintenance", Maintenance)
        plan.piece("server_span", ServerSpan)


def user_added(app: FastAPI) -> None:
    """Add two middleware, as people do."""
    app.add_middleware(GZipMiddleware)
    app.add_middleware(CORSMiddleware, allow_origins=["*"])


def set_up(app: FastAPI) -> None:
    """Configure an application, every slot filled."""
    configure(app, tracing=False, sentry=False, limits=False, extra=[Pieces()])


EXPECTED: dict[Slot, list[type]] = {
    "server_span": [ServerSpan],
    "exchange": [ExchangeMiddleware],
    "outer_boundary": [ErrorBoundary],
    "user": [CORSMiddleware, GZipMiddleware],
    "boundary": [ErrorBoundary],
    "body_limit": [BodyLimit],
    "maintenance": [Maintenance],
    "limits": [Limits],
}


@pytest.mark.parametrize(
    "steps", [[user_added, set_up], [set_up, user_added]], ids=["before", "after"]
)
def test_the_built_stack_equals_the_order(steps: list[Callable[..., Any]]) -> None:
    """For middleware that the user adds before `configure`, and after it."""
    app = FastAPI()
    for step in steps:
        step(app)
    stack = built(app)
    start = stack.index(ServerSpan)

    expected = [cls for slot, _ in ORDER for cls in EXPECTED[slot]]
    assert [*expected, ExceptionMiddleware] == stack[start : start + len(expected) + 1]


def test_a_second_build_has_the_same_order() -> None:
    """Starlette builds again when somebody resets the stack."""
    app = FastAPI()
    set_up(app)
    user_added(app)

    assert built(app) == built(app)


def test_middleware_that_is_added_between_two_builds_is_the_users() -> None:
    """The order is re-established each time."""
    app = FastAPI()
    set_up(app)
    first = built(app)
    user_added(app)
    second = built(app)
    position = first.index(ErrorBoundary)

    # Only now can an error arise outside of the inner boundary.
    added = [*EXPECTED["outer_boundary"], *EXPECTED["user"]]
    assert [*first[:position], *added, *first[position:]] == second


def test_without_a_contract_only_the_inner_boundary_stands() -> None:
    """It reports, and the framework answers."""
    app = FastAPI()
    configure(app, tracing=False, sentry=False, contract=False, limits=False)
    user_added(app)
    names = [cls.__name__ for cls in built(app)]
    start = names.index("ExchangeMiddleware")

    users = ["CORSMiddleware", "GZipMiddleware"]
    assert ["ExchangeMiddleware", *users, "ErrorBoundary"] == names[start : start + 4]


def test_a_body_limit_of_the_framework_moves_into_its_slot() -> None:
    """Where FastAPI has one: inside of the boundary, and given back on the app."""
    options: dict[str, Any] = {"max_body_size": 10} if LIMITED else {}
    app = FastAPI(**options)
    configure(app, tracing=False, sentry=False, limits=False)
    names = [cls.__name__ for cls in built(app)]
    start = len(names) - names[::-1].index("ErrorBoundary")

    expected = "RequestBodyLimitMiddleware" if LIMITED else "ExceptionMiddleware"
    assert expected == names[start]
    assert (10 if LIMITED else None) == getattr(app, "max_body_size", None)


def test_every_slot_has_a_place_and_a_reason() -> None:
    """No slot is named that has no rank, and none twice."""
    slots = [slot for slot, _ in ORDER]

    assert sorted(get_args(Slot)) == sorted(slots)
    assert set(EXPECTED) == set(slots)
    assert all(reason for _, reason in ORDER)


def test_every_piece_is_passed_by_a_request() -> None:
    """The order of the classes is the order of the calls."""
    passed: list[str] = []

    def noting(name: str) -> Any:
        class Noting(Passing):
            async def __call__(
                self, scope: Scope, receive: Receive, send: Send
            ) -> None:
                passed.append(name)
                await self.app(scope, receive, send)

        return Noting

    class Layer:
        name = "noting"

        def contribute(self, plan: Plan) -> None:
            plan.piece("limits", noting("limits"))
            plan.piece("server_span", noting("server_span"))
            plan.on_start(lambda _: passed.append("exchange"))

    app = FastAPI()
    app.add_api_route("/", lambda: passed.append("endpoint"))
    configure(app, tracing=False, sentry=False, limits=False, extra=[Layer()])
    app.add_middleware(noting("user"))
    in_loop(call, app)

    assert ["server_span", "exchange", "user", "limits", "endpoint"] == passed

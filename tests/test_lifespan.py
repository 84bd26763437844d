"""Start and stop of what lives as long as the application."""

import importlib.util
import threading
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NoReturn

import anyio
import anyio.from_thread
import anyio.lowlevel
import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from steadfastapi import Plan, configure
from steadfastapi._lifespan import SHUTDOWN_DEADLINE, LifespanPart, Lifespans
from steadfastapi.testing import internal_errors

BACKENDS = ["asyncio", *(["trio"] if importlib.util.find_spec("trio") else [])]
OFF = dict.fromkeys(["logs", "metrics", "tracing", "sentry", "contract"], False)


def part(name: str, log: list[str], *, delivers: bool = True) -> LifespanPart:
    """Return a part that notes its start and its stop."""

    def stop(_deadline: float) -> bool:
        log.append(f"{name} stops")
        return delivers

    return LifespanPart(
        name=name, start=lambda: log.append(f"{name} starts"), stop=stop
    )


def fail(*_: object) -> NoReturn:
    """Raise."""
    raise ValueError("part")


@asynccontextmanager
async def nothing(_app: object) -> AsyncIterator[None]:
    """Live, without doing anything."""
    yield


class Parts:
    """A layer with lifespan parts."""

    name = "parts"

    def __init__(self, *parts: LifespanPart) -> None:
        self._parts = parts

    def contribute(self, plan: Plan) -> None:
        """Add each."""
        for one in self._parts:
            plan.lifespan(one)


@pytest.mark.parametrize("backend", BACKENDS)
def test_parts_start_before_the_application_and_stop_after_it(backend: str) -> None:
    """In the plan's order, around the application's own lifespan and its state."""
    log: list[str] = []

    @asynccontextmanager
    async def inner(app: str) -> AsyncIterator[Mapping[str, Any]]:
        log.append(f"{app} starts")
        yield {"db": "open"}
        log.append(f"{app} stops")

    async def live() -> Mapping[str, Any] | None:
        lifespans = Lifespans([part("a", log), part("b", log)])
        async with lifespans.around(inner)("app") as state:
            log.append("app serves")
        return state

    assert {"db": "open"} == anyio.run(live, backend=backend)
    starts = ["a starts", "b starts", "app starts"]
    assert [*starts, "app serves", "app stops"] == log[:5]
    assert ["a stops", "b stops"] == sorted(log[5:])


def test_the_state_of_the_application_reaches_its_endpoints() -> None:
    """`configure` hides nothing that a lifespan yields, at every start of a server."""
    log: list[str] = []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, str]]:
        log.append("app starts")
        yield {"db": "open"}
        log.append("app stops")

    app = FastAPI(lifespan=lifespan)

    @app.get("/")
    async def index(request: Request) -> str:
        return str(request.state.db)

    configure(app, extra=[Parts(part("a", log))], **OFF)  # type: ignore[arg-type]
    for _ in range(2):
        with TestClient(app) as client:
            assert "open" == client.get("/").json()

    assert ["a starts", "app starts", "app stops", "a stops"] * 2 == log


def test_parts_stop_when_the_application_fails_to_start() -> None:
    """Its exception is the one that the server sees."""
    log: list[str] = []

    @asynccontextmanager
    async def inner(_app: object) -> AsyncIterator[None]:
        log.append("app fails")
        if log:
            fail()
        yield

    async def live() -> None:
        async with Lifespans([part("a", log)]).around(inner)(None):
            log.append("serves")

    with pytest.raises(ValueError, match="part"):
        anyio.run(live)
    assert ["a starts", "app fails", "a stops"] == log


def test_a_part_that_fails_to_start_leaves_the_application_running() -> None:
    """The others start, and the error is counted under its name."""
    log: list[str] = []
    lifespans = Lifespans([LifespanPart(name="bad", start=fail), part("a", log)])

    async def live() -> None:
        async with lifespans.around(nothing)(None):
            log.append("serves")

    with internal_errors() as counted:
        anyio.run(live)

    assert ["a starts", "serves", "a stops"] == log
    assert {"lifespan.bad": 1} == counted


def test_a_stop_that_hangs_is_left_behind_at_the_deadline() -> None:
    """The others are stopped side by side, and the answer is honest."""
    log: list[str] = []
    release = threading.Event()

    def hang(_deadline: float) -> bool:
        return release.wait(30)

    hanging = [LifespanPart(name=f"hanging {n}", stop=hang) for n in range(3)]
    lifespans = Lifespans([*hanging, part("a", log)], deadline=0.1)
    begin = time.monotonic()
    delivered = lifespans.stop()
    seconds = time.monotonic() - begin
    release.set()

    assert not delivered
    assert ["a stops"] == log
    assert 0.1 <= seconds < 2


def test_the_deadline_is_five_seconds() -> None:
    """NB-8: well inside of what Kubernetes grants; each part is told."""
    told: list[float] = []

    def stop(deadline: float) -> bool:
        told.append(deadline)
        return True

    Lifespans([LifespanPart(name="a", stop=stop)]).stop()
    Lifespans([LifespanPart(name="a", stop=stop)]).stop(1.5)

    assert [5.0, 1.5] == told
    assert 5.0 == SHUTDOWN_DEADLINE


@pytest.mark.parametrize("backend", BACKENDS)
def test_stopping_leaves_the_event_loop_free(backend: str) -> None:
    """A part that needs the loop while it stops, gets it."""
    answers: list[bool] = []

    async def live() -> None:
        token = anyio.lowlevel.current_token()

        def stop(_deadline: float) -> bool:
            answers.append(anyio.from_thread.run_sync(lambda: True, token=token))
            return True

        lifespans = Lifespans([LifespanPart(name="a", stop=stop)], deadline=2.0)
        async with lifespans.around(nothing)(None):
            pass

    anyio.run(live, backend=backend)

    assert [True] == answers


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_lifespan_that_is_cancelled_stops_its_parts(backend: str) -> None:
    """A server that is interrupted still flushes."""
    log: list[str] = []

    async def live() -> None:
        with anyio.CancelScope() as scope:
            async with Lifespans([part("a", log)]).around(nothing)(None):
                scope.cancel()
                await anyio.sleep_forever()

    anyio.run(live, backend=backend)

    assert ["a starts", "a stops"] == log


@pytest.mark.parametrize(
    ("parts", "delivered"),
    [
        ([], True),
        ([LifespanPart(name="a")], True),
        ([part("a", []), part("b", [])], True),
        ([part("same", []), part("same", [])], True),
        ([part("a", []), part("b", [], delivers=False)], False),
        ([part("a", []), LifespanPart(name="b", stop=fail)], False),
    ],
)
def test_the_answer_is_whether_everything_was_delivered(
    parts: list[LifespanPart], delivered: bool
) -> None:
    """A part that says no, or raises, makes it False."""
    with internal_errors():
        assert delivered is Lifespans(parts).stop()


def test_a_second_stop_gives_the_first_answer() -> None:
    """Parts stop once a start, whoever asks: the server, or `stack.shutdown()`."""
    log: list[str] = []
    lifespans = Lifespans([part("a", log, delivers=False)])
    lifespans.start()
    answers = [lifespans.stop(), lifespans.stop()]
    lifespans.start()
    lifespans.stop()

    assert [False, False] == answers
    assert ["a starts", "a stops"] * 2 == log


def test_the_stack_can_be_shut_down_without_a_server() -> None:
    """For servers that run no lifespan."""
    log: list[str] = []
    layer = Parts(part("a", log))
    stack = configure(FastAPI(), extra=[layer], **OFF)  # type: ignore[arg-type]

    assert stack.shutdown(1.0)
    assert ["a stops"] == log

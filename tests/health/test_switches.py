"""Maintenance and draining, switched by request."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI

from steadfastapi.health import HealthHandle
from steadfastapi.testing import capture
from support.health import KEY, WITH_KEY, Dial, ask, with_health

pytestmark = pytest.mark.anyio

JSON = ("content-type", "application/json")
PATH = "/health/maintenance"


def made() -> tuple[FastAPI, HealthHandle]:
    """Return an application whose switches can be reached."""
    return with_health(Dial(), api_key=KEY)


async def post(app: FastAPI, body: Any = None, headers: Any = (JSON,)) -> Any:
    """Begin maintenance."""
    raw = b"" if body is None else json.dumps(body).encode()
    return await ask(app, PATH, "POST", headers=[*WITH_KEY, *headers], body=raw)


async def test_maintenance_begins_and_ends() -> None:
    """For half an hour, then before its end."""
    app, _ = made()
    begun = await post(app, {"minutes": 30})
    ready = await ask(app, "/health/ready")
    ended = await ask(app, PATH, "DELETE", headers=WITH_KEY)
    shown = await ask(app, PATH, headers=WITH_KEY)

    assert begun.body["active"]
    ends = datetime.fromisoformat(begun.body["until"]) - datetime.now(UTC)
    assert timedelta(minutes=29) < ends < timedelta(minutes=31)
    assert (200, {"status": "maintenance"}) == (ready.status, ready.body)
    assert {"active": False, "until": None} == ended.body == shown.body


@pytest.mark.parametrize("body", [None, {}])
async def test_maintenance_can_be_without_end(body: Any) -> None:
    """No body at all is enough."""
    app, _ = made()

    assert {"active": True, "until": None} == (await post(app, body)).body


async def test_maintenance_ends_by_itself() -> None:
    """At the time that was given."""
    app, handle = made()
    until = datetime.now(UTC) + timedelta(hours=1)
    await post(app, {"until": until.isoformat()})
    assert until == handle.phases.ends
    handle.phases._clock = lambda: time.time() + 3_601

    assert {"active": False, "until": None} == (
        await ask(app, PATH, headers=WITH_KEY)
    ).body


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        ({"minutes": 0}, [JSON], 422),
        ({"minutes": -1}, [JSON], 422),
        ({"minutes": 10**9}, [JSON], 422),
        ({"minutes": "soon"}, [JSON], 422),
        ({"hours": 1}, [JSON], 422),
        ({"until": "2001-01-01T00:00:00"}, [JSON], 422),
        ([], [JSON], 422),
        ({"minutes": 1}, [], 415),
        ({"minutes": 1}, [("content-type", "text/plain")], 415),
        ({"minutes": 1, "x": "y" * 5_000}, [JSON], 413),
        ({"minutes": 1}, [JSON, ("sec-fetch-site", "cross-site")], 403),
    ],
)
async def test_a_wrong_request_changes_nothing(
    body: Any, headers: Any, code: int
) -> None:
    """Nor is its input echoed."""
    app, handle = made()
    answer = await post(app, body, headers)

    assert code == answer.status
    assert "soon" not in str(answer.body)
    assert ["detail"] == list(answer.body)
    assert not handle.phases.in_maintenance


@pytest.mark.parametrize(
    ("method", "path"), [("POST", PATH), ("DELETE", PATH), ("POST", "/health/drain")]
)
async def test_switches_need_authentication(method: str, path: str) -> None:
    """Where none is configured nobody may, not in development either."""
    closed, _ = made()
    open_, handle = with_health(service=None)
    refused = await ask(closed, path, method)
    impossible = await ask(open_, path, method)

    assert (401, 403) == (refused.status, impossible.status)
    assert "Set Health(auth=…)" in impossible.body["detail"]
    assert None is handle.phases.current


@pytest.mark.parametrize(("method", "path"), [("GET", "/health/drain"), ("PUT", PATH)])
async def test_other_methods_are_405(method: str, path: str) -> None:
    """A GET changes nothing (SEC-12)."""
    app, _ = made()

    assert 405 == (await ask(app, path, method, headers=WITH_KEY)).status


async def test_draining_turns_readiness_and_nothing_else() -> None:
    """Requests are still served, and it is live."""
    app = FastAPI()
    app.get("/orders")(lambda: "ok")
    app, handle = with_health(Dial(), app=app, api_key=KEY)
    handle.set_maintenance()
    answer = await ask(app, "/health/drain", "POST", headers=WITH_KEY)
    codes = [
        (await ask(app, path)).status
        for path in ("/health/ready", "/health/live", "/orders")
    ]

    assert {"status": "draining"} == answer.body
    assert [503, 200, 200] == codes


async def test_a_pre_stop_hook_can_wait_for_the_answer() -> None:
    """Readiness has turned while it waits."""
    app, _ = made()
    started = time.perf_counter()
    await ask(app, "/health/drain?wait=0.1", "POST", headers=WITH_KEY)
    took = time.perf_counter() - started
    codes = [
        (await ask(app, f"/health/drain?wait={wait}", "POST", headers=WITH_KEY)).status
        for wait in ("-1", "61", "soon", "nan")
    ]

    assert 0.1 <= took < 10  # a machine that is busy answers late
    assert [422] * 4 == codes


async def test_sec_21_switching_is_logged() -> None:
    """One line for each change, and one for each refusal."""
    app, handle = made()
    with capture(app) as seen:
        await post(app, {"minutes": 5})
        await ask(app, PATH, "DELETE", headers=WITH_KEY)
        await ask(app, PATH, "POST")
        handle.drain()
        handle.drain()

    assert [
        "maintenance has begun",
        "maintenance has ended",
        "health switch refused",
        "draining: readiness is 503 from now on",
    ] == [
        line["event"]
        for line in seen.logs
        if line.get("logger") == "steadfastapi.health"
    ]


async def test_python_code_switches_too() -> None:
    """With a time zone or in UTC, as in fastapi-watch."""
    _, handle = made()
    naive = (datetime.now(UTC) + timedelta(hours=2)).replace(tzinfo=None)
    handle.set_maintenance(until=naive)
    ends = handle.phases.ends
    handle.clear_maintenance()

    assert naive.replace(tzinfo=UTC) == ends
    assert not handle.phases.in_maintenance

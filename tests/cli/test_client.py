"""The customers' client, against answers that keep or break the contract."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from steadfastapi.cli.client import Client, ClosingTime, Pace, Unanswered
from steadfastapi.cli.log_reader import LogReader
from steadfastapi.cli.tally import Tally

pytestmark = pytest.mark.anyio

Answer = Callable[[httpx.Request], httpx.Response]


def client(answer: Answer, pace: Pace | None = None) -> Client:
    """Return a client whose service is a function."""
    made = Client(
        "http://shop",
        pace=pace or Pace(10_000),
        prefix="demo-",
        tally=Tally(),
        log=LogReader(Path("nowhere"), "demo-"),
    )
    made._http = httpx.AsyncClient(
        base_url="http://shop", transport=httpx.MockTransport(answer)
    )
    return made


def faithful(
    request: httpx.Request, status: int = 200, *, body: object = None
) -> httpx.Response:
    """Answer with the id that came; bytes are sent as they are, all else as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"X-Request-ID": request.headers["X-Request-ID"]}
    return httpx.Response(status, headers=headers, content=content)


async def test_good_answer_has_no_complaint() -> None:
    """What is as it must be is counted, timed and expected in the log."""
    one = client(faithful)
    await one.call("GET", "/a/1", route="/a/{id}", token="t", expect=200)
    assert {} == one.tally.complaints
    assert (1, 1, 1) == (
        one.tally.sent,
        one.tally.statuses[200],
        one.tally.latencies["GET /a/{id}"].count,
    )
    (request_id,) = one._log.unmatched
    assert request_id.startswith("demo-")
    await one.aclose()


@pytest.mark.parametrize(
    ("status", "body", "label"),
    [
        (404, {"detail": "Not Found"}, "404 Not Found"),
        (422, {"detail": [{"loc": ["body", "a"], "msg": "Bad"}]}, "422 a: Bad"),
        (422, {"detail": []}, "422 []"),
        (409, {"detail": {"code": 1}}, "409 {'code': 1}"),
    ],
)
async def test_errors_are_counted_by_detail(
    status: int, body: object, label: str
) -> None:
    """Any JSON detail is one; a list is told by its first entry."""
    one = client(lambda request: faithful(request, status, body=body))
    await one.call("GET", "/", expect=status)
    assert {label: 1} == one.tally.errors
    assert {} == one.tally.complaints


@pytest.mark.parametrize("content", [b"oops", b"[]", b'{"error": "x"}'])
async def test_error_without_detail_is_a_complaint(content: bytes) -> None:
    """An error that is not JSON with `detail` breaks the contract."""
    one = client(lambda request: faithful(request, 500, body=content))
    await one.call("GET", "/", expect=500)
    assert {"detail": 1} == one.tally.complaints
    assert 1 == one.tally.crashes
    assert 1 == len(one._log.unmatched_errors)


async def test_head_needs_no_body() -> None:
    """HEAD has no body, and so no detail."""
    one = client(lambda request: faithful(request, 405))
    await one.call("HEAD", "/", expect=405)
    assert {} == one.tally.complaints


async def test_wrong_status_and_lost_id_are_complaints() -> None:
    """Another status than the right one, or another id, is noted."""
    one = client(lambda _: httpx.Response(201, headers={"X-Request-ID": "other"}))
    await one.call("GET", "/", expect=200)
    assert {"status": 1, "request_id": 1} == one.tally.complaints
    assert ["GET /: 201 instead of 200"] == one.tally.examples["status"]


async def test_several_statuses_may_be_right() -> None:
    """An order may fail for the partner's sake."""
    one = client(lambda request: faithful(request, 200))
    await one.call("POST", "/", expect=(200, 502))
    await one.call("POST", "/", expect=(201, 502))
    assert ["POST /: 200 instead of 201 or 502"] == one.tally.examples["status"]


async def test_no_answer_is_a_complaint() -> None:
    """A connection that breaks is noted, and the customer told."""

    def broken(_: httpx.Request) -> httpx.Response:
        """Break the connection."""
        raise httpx.ConnectError("gone")

    one = client(broken)
    with pytest.raises(Unanswered):
        await one.call("GET", "/a", expect=200)
    assert ["GET /a: ConnectError"] == one.tally.examples["unanswered"]


async def test_hanging_up_is_counted_as_aborted() -> None:
    """A response that was left is not an answer."""
    one = client(faithful)
    async with one.leave_early("/", token=None) as response:
        assert 200 == response.status_code
    assert {"aborted": 1} == one.tally.outcomes
    assert {} == one.tally.statuses


async def test_nothing_is_sent_after_closing_time() -> None:
    """When the demo ends, a customer who waits for a turn does not get it."""
    pace = Pace(10_000)
    pace.closed = True
    one = client(faithful, pace)
    with pytest.raises(ClosingTime):
        await one.call("GET", "/", expect=200)
    assert 0 == one.tally.sent

"""The Issues page and its API: what is listed, and how it is changed."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import anyio.to_thread
import pytest
from fastapi import FastAPI, HTTPException

from steadfastapi import bind, push
from steadfastapi.console.pages.issues_query import moment
from steadfastapi.exceptions import BadQueryError, StoreError
from support.inbox import ToldStore, entry, issue_id, write
from support.ops import Elements, Ops, ops_of

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.anyio


def shop() -> FastAPI:
    """Return an application that fails in two ways."""
    app = FastAPI(title="Shop", version="2")

    @app.get("/pay/{number}")
    async def pay(number: int) -> None:
        bind(user_id=number)
        raise ValueError(f"cannot pay {number}")

    @app.get("/conflict")
    async def conflict() -> None:
        raise HTTPException(409, "User already exists")

    return app


@pytest.fixture
def ops() -> Iterator[Ops]:
    """Yield an application with an empty inbox."""
    with ops_of(shop()) as ops:
        yield ops


async def fill(ops: Ops) -> tuple[str, str]:
    """Let both errors happen; return the ids of their issues."""
    for number in (1, 2, 3):
        await ops.visit(f"/pay/{number}")
    await ops.visit("/conflict")
    issues = {one.title: one.id for one in await ops.issues()}
    return issues["ValueError: cannot pay 3"], issues[
        "HTTPException: 409: User already exists"
    ]


async def test_the_api_lists_issues(ops: Ops) -> None:
    """With all that the list shows, and where to read on."""
    failed, refused = await fill(ops)

    found = await ops.json("/issues?sort=count")

    assert [failed, refused] == [one["id"] for one in found["items"]]
    assert found["next"] is None
    first = found["items"][0]
    expected = {
        "title": "ValueError: cannot pay 3",
        "level": "error",
        "event": "unhandled_exception",
        "route": "/pay/{number}",
        "state": "open",
        "count": 3,
        "users": 3,
        "releases": ["shop@2"],
        "url": f"/ops/issues/{failed}",
    }
    assert expected == {name: first[name] for name in expected}
    assert 3 == sum(first["spark"])
    assert first["first_seen"] < first["last_seen"]


FOUND = {
    "": 2,
    "level=warning": 1,
    "event=http_exception": 1,
    "route=" + quote("/pay/{number}"): 1,
    "state=open": 2,
    "state=resolved": 0,
    "state=all": 2,
    "search=exists": 1,
    "search=cannot+pay": 1,
    "search=%3Cscript%3E": 0,
    "since=1h": 2,
    "since=2100-01-01T00:00": 0,
    "until=2020-01-01": 0,
    "release=shop%402": 2,
    "release=shop%403": 0,
}


async def test_the_same_filters_work_on_page_and_api(ops: Ops) -> None:
    """Each of them by itself."""
    await fill(ops)

    listed = {query: await ops.json(f"/issues?{query}") for query in FOUND}
    pages = {query: Elements(await ops.page(f"/issues?{query}")) for query in FOUND}

    assert {query: len(found["items"]) for query, found in listed.items()} == FOUND
    shown = {
        query: sum("data-issue" in attrs for _, attrs in page.found)
        for query, page in pages.items()
    }
    assert FOUND == shown


async def test_pages_follow_each_other(ops: Ops) -> None:
    """By a cursor, on the page as in the API, without doubles or gaps."""
    write(ops.store, *(entry(f"issue {number}") for number in range(5)))
    seen: list[str] = []
    cursor = ""
    while True:
        found = await ops.json(f"/issues?limit=2&cursor={cursor}")
        seen += [one["id"] for one in found["items"]]
        if found["next"] is None:
            break
        cursor = found["next"]

    assert {issue_id(f"issue {number}") for number in range(5)} == set(seen)
    assert 5 == len(seen)
    page = Elements(await ops.page("/issues?limit=2"))
    (following,) = page.links("/ops/issues?limit=2&cursor=")
    second = Elements(await ops.page(following.removeprefix("/ops")))
    assert 2 == sum("data-issue" in attrs for _, attrs in second.found)


WRONG = {
    "colour=red": 422,
    "state=odd": 422,
    "level=loud": 422,
    "sort=title": 422,
    "limit=0": 422,
    "limit=201": 422,
    "limit=many": 422,
    "cursor=broken": 422,
    "cursor=" + "A" * 400: 422,
    "since=yesterday": 422,
    "until=nan": 422,
    "state=open&state=open": 422,
    "search=" + "x" * 600: 422,
    "search=" + "x" * 5_000: 414,
}


async def test_wrong_questions_are_refused_with_a_sentence(ops: Ops) -> None:
    """4xx and `{"detail"}`; the page says the same."""
    answers = {query: await ops.get(f"/api/issues?{query}") for query in WRONG}
    pages = {query: (await ops.get(f"/issues?{query}")).status for query in WRONG}

    assert {query: answer.status for query, answer in answers.items()} == WRONG == pages
    details = [json.loads(answer.body)["detail"] for answer in answers.values()]
    assert all(isinstance(detail, str) for detail in details)


async def test_several_are_resolved_at_once(ops: Ops) -> None:
    """By the boxes of the page, and by their ids."""
    failed, refused = await fill(ops)
    form = [("issue", failed), ("issue", refused), ("action", "resolve")]

    result = await ops.post("/issues/change", form=urlencode(form))

    assert 303 == result.status
    assert ["resolved", "resolved"] == [one.state for one in await ops.issues()]
    for action, state in (("reopen", "open"), ("ignore", "ignored")):
        result = await ops.post(f"/api/issues/{action}", {"ids": [failed, refused]})
        assert {"changed": 2} == json.loads(result.body)
        assert [state, state] == [one.state for one in await ops.issues()]


NOTHING: list[Any] = [
    None,
    {},
    {"ids": []},
    {"ids": ["x"]},
    {"ids": ["0" * 16] * 201},
    {"ids": ["' OR 1=1"]},
    {"ids": ["0" * 16], "release": "x" * 300},
]


async def test_changes_of_nothing_are_refused(ops: Ops) -> None:
    """422, and nothing is changed."""
    for body in NOTHING:
        result = await ops.post("/api/issues/resolve", body)
        assert 422 == result.status, body
        assert json.loads(result.body)["detail"]


async def test_inbox_1_no_get_changes_anything(ops: Ops) -> None:
    """INBOX-1: what changes is POST, and nothing else."""
    failed, _ = await fill(ops)

    for path in (
        "/issues/change",
        f"/issues/{failed}/change",
        "/api/issues/resolve",
        f"/api/issues/{failed}/resolve",
    ):
        assert (await ops.get(path)).status in (404, 405)
    assert {"open"} == {one.state for one in await ops.issues()}


async def test_an_empty_inbox_says_that_nothing_is_wrong(ops: Ops) -> None:
    """And with filters, that none passes them."""
    assert "Nothing is wrong" in await ops.page("/issues")
    assert "No issue passes these filters" in await ops.page("/issues?level=error")


async def test_a_store_that_fails_is_said_on_the_page() -> None:
    """503 for the console; the application does not notice."""

    class Down(ToldStore):
        def issues(self, *_: Any, **__: Any) -> Any:
            raise StoreError("inbox.db: disk I/O error")

    with ops_of(shop(), inbox={"store": Down()}) as ops:
        page = await ops.get("/issues")
        answer = await ops.get("/api/issues")

        assert 503 == page.status
        assert "disk I/O error" in page.body.decode()
        assert 503 == answer.status
        assert "disk I/O error" in json.loads(answer.body)["detail"]
        assert 500 == (await ops.visit("/pay/1")).status


def notices_that_it_is_down(ops: Ops) -> None:
    """Wait until the inbox knows about its store."""
    ends_at = time.monotonic() + 20
    while "down" != ops.stack.plan.handles["inbox"].status().state:
        assert time.monotonic() < ends_at
        time.sleep(0.01)


async def test_entries_that_wait_for_a_broken_store_are_counted() -> None:
    """The page says since when and why."""
    store = ToldStore()
    store.failure = StoreError("the disk is full")
    with ops_of(shop(), inbox={"store": store}) as ops:
        push(event="lost")
        await anyio.to_thread.run_sync(notices_that_it_is_down, ops)

        page = Elements(await ops.page("/issues")).text

        assert "cannot write" in page
        assert "the disk is full" in page
        assert "1 entry waits" in page
        store.failure = None


async def test_without_an_inbox_the_page_says_so() -> None:
    """And the API is 404, as what is not there."""
    with ops_of(shop(), inbox=False) as ops:
        assert "The inbox is off" in await ops.page("/issues")
        assert 404 == (await ops.get("/api/issues")).status


@pytest.mark.parametrize("text", ["", "24x", "0h", "tomorrow", "99999999d", "1e", "²h"])
def test_what_is_no_time_is_refused(text: str) -> None:
    """With examples of what is."""
    with pytest.raises(BadQueryError, match="use 24h"):
        moment(text, "since")


def test_times_are_read_in_several_ways() -> None:
    """ISO 8601 without a zone is UTC."""
    assert 1_769_860_800.0 == moment("2026-01-31T12:00", "since")
    assert 1_769_860_800.0 == moment("2026-01-31T13:00+01:00", "since")
    assert 12.5 == moment("12.5", "since")

"""The Exchanges pages: recent requests of this worker, and each with its trace."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from fastapi import FastAPI, HTTPException, Response

from steadfastapi import bind
from support.ops import Elements, Ops, ops_of

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.anyio


def shop() -> FastAPI:
    """Return an application with good and bad days."""
    app = FastAPI(title="Shop")

    @app.get("/ok")
    async def ok() -> dict[str, str]:
        bind(cart="c-7", password="hunter22")
        logging.getLogger("shop").warning("all is well")
        return {}

    @app.post("/orders/{number}")
    async def order(number: int) -> None:
        raise ValueError(f"cannot take {number}")

    @app.get("/moved")
    async def moved() -> Response:
        return Response(status_code=302, headers={"Location": "/ok"})

    @app.get("/conflict")
    async def conflict() -> None:
        raise HTTPException(409, "User already exists")

    return app


@pytest.fixture
def ops() -> Iterator[Ops]:
    """Yield an application that nobody has asked yet."""
    with ops_of(shop()) as ops:
        yield ops


async def busy(ops: Ops) -> None:
    """Let one request of each kind come."""
    for path in ("/ok", "/moved", "/conflict", "/nowhere"):
        await ops.visit(path)
    await ops.app_post("/orders/7")


WANTED = {
    "": ["/orders/7", "/nowhere", "/conflict", "/moved", "/ok"],
    "status=5xx": ["/orders/7"],
    "status=4xx": ["/nowhere", "/conflict"],
    "status=409": ["/conflict"],
    "status=3xx": ["/moved"],
    "status=aborted": [],
    "method=POST": ["/orders/7"],
    "route=" + quote("/orders/{number}"): ["/orders/7"],
    "route=none": ["/nowhere"],
    "min_ms=60000": [],
    "id=unknown-id": [],
    "method=GET&status=2xx&min_ms=0": ["/ok"],
}


async def test_exchanges_are_filtered_on_page_and_api(ops: Ops) -> None:
    """Latest first."""
    await busy(ops)

    listed = {query: await ops.json(f"/exchanges?{query}") for query in WANTED}
    pages = {query: Elements(await ops.page(f"/exchanges?{query}")) for query in WANTED}

    found = {
        query: [one["path"] for one in answer["items"]]
        for query, answer in listed.items()
    }
    assert WANTED == found
    rows = {
        query: sum("data-row" in attrs for _, attrs in page.found)
        for query, page in pages.items()
    }
    assert {query: len(paths) for query, paths in WANTED.items()} == rows


async def test_one_exchange_is_shown_with_all_that_is_known(ops: Ops) -> None:
    """Log lines, trace, bound fields; secrets masked."""
    await ops.visit("/ok")
    (kept,) = (await ops.json("/exchanges"))["items"]

    told = await ops.json(f"/exchanges/{kept['id']}")
    page = Elements(await ops.page(f"/exchanges/{kept['id']}")).text

    assert (200, "ok", "/ok") == (told["status"], told["outcome"], told["route"])
    assert "c-7" == told["fields"]["cart"]
    assert "all is well" in [line["event"] for line in told["log_lines"]]
    assert ["GET /ok"] == [row["name"] for row in told["trace"]["rows"]]
    assert told["issue"] is None
    for wanted in ("GET /ok", "c-7", "all is well", kept["id"]):
        assert wanted in page
    assert "hunter22" not in page + json.dumps(told)


async def test_a_failed_exchange_leads_to_its_issue(ops: Ops) -> None:
    """The store finds it by the request id."""
    await ops.app_post("/orders/7")
    (issue,) = await ops.issues()
    (kept,) = (await ops.json("/exchanges"))["items"]

    assert issue.id == (await ops.json(f"/exchanges/{kept['id']}"))["issue"]
    page = Elements(await ops.page(f"/exchanges/{kept['id']}"))
    assert [f"/ops/issues/{issue.id}"] == page.links("/ops/issues/")
    back = Elements(await ops.page(f"/issues/{issue.id}"))
    assert f"/ops/exchanges/{kept['id']}" in back.links("/ops/exchanges/")


async def test_pages_follow_each_other(ops: Ops) -> None:
    """While others come in between, nothing is shown twice or left out."""
    for _ in range(5):
        await ops.visit("/conflict")
    seen = []
    cursor = ""
    while True:
        found = await ops.json(f"/exchanges?limit=2&status=409&cursor={cursor}")
        seen += [one["id"] for one in found["items"]]
        if found["next"] is None:
            break
        cursor = found["next"]
        await ops.visit("/conflict")

    assert 5 == len(set(seen)) == len(seen)


WRONG = {
    "status=6xx": 422,
    "status=42": 422,
    "status=abc": 422,
    "method=BREW": 422,
    "min_ms=-1": 422,
    "min_ms=fast": 422,
    "limit=0": 422,
    "limit=999": 422,
    "cursor=broken": 422,
    "cursor=WzEsMl0": 422,
    "colour=red": 422,
    "id=" + "x" * 600: 422,
    "id=" + "x" * 5_000: 414,
}


async def test_wrong_questions_are_refused(ops: Ops) -> None:
    """4xx and `{"detail"}`."""
    answers = {query: await ops.get(f"/api/exchanges?{query}") for query in WRONG}
    pages = {query: (await ops.get(f"/exchanges?{query}")).status for query in WRONG}

    assert {query: answer.status for query, answer in answers.items()} == WRONG == pages
    assert all(json.loads(answer.body)["detail"] for answer in answers.values())
    assert 404 == (await ops.get("/api/exchanges/nobody-knows-it")).status
    assert 404 == (await ops.get("/exchanges/nobody-knows-it")).status


async def test_the_console_itself_is_not_among_them(ops: Ops) -> None:
    """Nor are health checks."""
    await ops.page("/exchanges")
    await ops.visit("/health/live")

    assert "There were no requests yet" in await ops.page("/exchanges")


async def test_several_workers_are_said(
    ops: Ops, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is seen is one worker's share."""
    monkeypatch.setenv("WEB_CONCURRENCY", "3")

    assert "one of 3" in await ops.page("/exchanges")
    assert 3 == (await ops.json("/exchanges"))["workers"]

"""The Issue page joins the error, its request, its log lines and its trace."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest
from fastapi import FastAPI
from opentelemetry import trace

from steadfastapi import bind
from support.inbox import entry, issue_id, write
from support.ops import Elements, Ops, ops_of

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.anyio


class BankError(Exception):
    """The bank does not want to."""


def shop() -> FastAPI:
    """Return an application whose error has a cause, log lines and spans."""
    app = FastAPI(title="Shop", version="2")

    def charge() -> None:
        with trace.get_tracer("shop").start_as_current_span("POST /charge"):
            raise TimeoutError("the bank does not answer")

    @app.get("/pay/{number}")
    async def pay(number: int) -> None:
        bind(user_id=number, cart="c-7")
        logging.getLogger("shop").warning("about to charge")
        try:
            charge()
        except TimeoutError as error:
            raise BankError(f"cannot pay {number}") from error

    return app


@pytest.fixture
def ops() -> Iterator[Ops]:
    """Yield an application with an empty inbox."""
    with ops_of(shop()) as ops:
        yield ops


async def broken(ops: Ops, times: int = 1) -> str:
    """Let the error happen; return the id of its issue."""
    for number in range(times):
        await ops.visit(f"/pay/{number}")
    (issue,) = await ops.issues()
    return issue.id


async def test_one_page_shows_all_that_is_known(ops: Ops) -> None:
    """Error, cause, stack, request, bound fields, log lines, spans, Markdown."""
    issue = await broken(ops)

    page = Elements(await ops.page(f"/issues/{issue}"))

    for wanted in (
        "BankError: cannot pay 0",
        "BankError",
        "caused by",
        "the bank does not answer",
        "in libraries",
        'raise BankError(f"cannot pay {number}") from error',
        "/pay/{number}",
        "cart",
        "c-7",
        "about to charge",
        "POST /charge",
        "GET /pay/{number}",
        "shop@2",
        "## `BankError: cannot pay 0`",
        "1 time in the last 24 hours",
    ):
        assert wanted in page.text
    folded = [attrs for tag, attrs in page.found if tag == "details"]
    assert [] == [attrs for attrs in folded if "open" in attrs]


async def test_the_api_tells_the_same(ops: Ops) -> None:
    """Latest entry, log lines and trace included."""
    issue = await broken(ops, 2)

    told = await ops.json(f"/issues/{issue}")

    assert 2 == told["count"]
    assert ["BankError", "TimeoutError"] == [
        fault["type"].rpartition(".")[2] for fault in told["latest"]["faults"]
    ]
    assert {"user_id": 1, "cart": "c-7"} == told["latest"]["fields"]
    request = told["latest"]["request"]["id"]
    assert {request} == {line["request_id"] for line in told["log_lines"]}
    assert "about to charge" in [line["event"] for line in told["log_lines"]]
    names = [row["name"] for row in told["trace"]["rows"]]
    assert ["GET /pay/{number}", "POST /charge"] == names


async def test_occurrences_follow_each_other(ops: Ops) -> None:
    """Each can be opened in place of the latest."""
    issue = await broken(ops, 3)

    first = await ops.json(f"/issues/{issue}/occurrences?limit=2")
    rest = await ops.json(f"/issues/{issue}/occurrences?limit=2&cursor={first['next']}")
    numbers = [one["user"] for one in [*first["items"], *rest["items"]]]
    oldest = rest["items"][0]["id"]
    page = Elements(await ops.page(f"/issues/{issue}?entry={oldest}"))

    assert ["2", "1", "0"] == numbers
    assert rest["next"] is None
    assert "The occurrence" in page.text
    assert 3 == len(page.links(f"/ops/issues/{issue}?entry="))


async def test_an_issue_is_resolved_ignored_and_reopened(ops: Ops) -> None:
    """By the page's form, and by API clients; it opens by itself if it comes back."""
    issue = await broken(ops)

    result = await ops.post(f"/issues/{issue}/change", form="action=resolve")
    assert 303 == result.status
    assert "resolved" == (await ops.json(f"/issues/{issue}"))["state"]
    await ops.visit("/pay/9")
    assert "open" == (await ops.issues())[0].state

    for action, state in (
        ("ignore", "ignored"),
        ("reopen", "open"),
        ("resolve", "resolved"),
    ):
        result = await ops.post(f"/api/issues/{issue}/{action}")
        assert 200 == result.status
        assert state == json.loads(result.body)["state"]


async def test_an_issue_is_resolved_in_a_release(ops: Ops) -> None:
    """Of the running one it opens again; the page names the release."""
    issue = await broken(ops)

    await ops.post(f"/api/issues/{issue}/resolve", {"release": "shop@3"})

    told = await ops.json(f"/issues/{issue}")
    assert ("resolved", "shop@3") == (told["state"], told["resolved_in"])
    assert "shop@3" in await ops.page(f"/issues/{issue}")


REFUSED = {
    "/issues/0000000000000000": 404,
    "/issues/nonsense": 404,
    "/issues/%27%20OR%201=1": 404,
    "/issues/{issue}?entry=" + "0" * 32: 404,
    "/issues/{issue}?entry=%00": 404,
    "/issues/{issue}?cursor=broken": 422,
    "/issues/{issue}?colour=red": 422,
    "/api/issues/0000000000000000": 404,
    "/api/issues/nonsense": 404,
    "/api/issues/0000000000000000/occurrences": 404,
    "/api/issues/nonsense/occurrences": 404,
    "/api/issues/{issue}/occurrences?cursor=broken": 422,
    "/api/issues/{issue}/occurrences?limit=1000": 422,
    "/api/issues/{issue}/occurrences?state=open": 422,
}


async def test_what_is_not_there_is_refused(ops: Ops) -> None:
    """In whatever way it is wrong."""
    issue = await broken(ops)

    answers = {
        path: (await ops.get(path.replace("{issue}", issue))).status for path in REFUSED
    }

    assert REFUSED == answers


async def test_an_entry_of_another_issue_is_not_shown(ops: Ops) -> None:
    """Ids of entries are no keys to other issues."""
    issue = await broken(ops)
    other = entry("other")
    write(ops.store, other)

    assert 404 == (await ops.get(f"/issues/{issue}?entry={other.id}")).status
    assert 404 == (await ops.post("/api/issues/0000000000000000/resolve")).status
    assert 404 == (await ops.post("/issues/nonsense/change", form="action=x")).status
    wrong = await ops.post(f"/issues/{issue}/change", form="action=delete")
    assert 422 == wrong.status


async def test_what_this_worker_does_not_remember_is_said(ops: Ops) -> None:
    """An entry of before, or of another worker: no lines, no trace, and no error."""
    write(
        ops.store, entry("old", request={"id": "gone-long-ago", "trace_id": "a" * 32})
    )

    page = Elements(await ops.page(f"/issues/{issue_id('old')}")).text

    assert "There are no log lines of this request" in page
    assert "are not in the memory any more" in page


async def test_an_issue_without_entries_is_shown(ops: Ops) -> None:
    """Those were deleted for their number; the counts are still there."""
    write(ops.store, entry("bare"))
    ops.store.prune(before=0, keep=0, keep_each=0)

    page = Elements(await ops.page(f"/issues/{issue_id('bare')}")).text

    assert "No occurrence is kept any more" in page
    assert (await ops.json(f"/issues/{issue_id('bare')}"))["latest"] is None


async def test_a_message_without_an_exception_is_shown(ops: Ops) -> None:
    """And outside of any request."""
    write(ops.store, entry("said", faults=(), request={}, message="out of paper"))

    page = Elements(await ops.page(f"/issues/{issue_id('said')}")).text

    assert "out of paper" in page
    assert "outside of any request" in page

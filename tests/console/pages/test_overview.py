"""The Overview: the hour's traffic, and how the parts are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from fastapi import FastAPI

from steadfastapi.exceptions import StoreError
from steadfastapi.testing import internal_errors
from support.inbox import ToldStore, entry, write
from support.ops import Elements, Ops, ops_of

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.anyio


def shop() -> FastAPI:
    """Return an application that answers, refuses and fails."""
    app = FastAPI(title="Shop", version="1.4.2")

    @app.get("/ok")
    async def ok() -> dict[str, str]:
        return {}

    @app.get("/boom")
    async def boom() -> None:
        raise ValueError("boom")

    return app


@pytest.fixture
def ops(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ops]:
    """Yield an application that was built from a commit."""
    monkeypatch.setenv("GIT_COMMIT", "c0ffee1234567890")
    with ops_of(shop()) as ops:
        yield ops


async def test_it_counts_requests_errors_and_times(ops: Ops) -> None:
    """Of the last hour, and of each minute in it."""
    for path in ("/ok", "/ok", "/boom", "/nowhere", "/ops/login", "/health/live"):
        await ops.visit(path)
    await ops.written()

    told = await ops.json("/overview")

    hour = told["last_hour"]
    assert (4, 1, 1) == (
        hour["requests"],
        hour["server_errors"],
        hour["client_errors"],
    )
    assert 0 < hour["p50_ms"] <= hour["p95_ms"] <= hour["p99_ms"]
    assert 60 == len(told["minutes"])
    assert 4 == sum(one["requests"] for one in told["minutes"])
    assert 0 == told["worker"]["in_flight"]
    assert ("1.4.2", "c0ffee1234567890") == (
        told["service"]["version"],
        told["service"]["revision"],
    )
    assert 1 == told["issues"]["open"]
    assert "healthy" == told["health"]["status"]


async def test_the_page_says_the_same_and_draws_it(ops: Ops) -> None:
    """Charts have a title, a summary and a table for those who do not see them."""
    await ops.visit("/ok")
    await ops.visit("/boom")
    await ops.written()

    page = Elements(await ops.page(""))

    for wanted in (
        "1.4.2",
        "c0ffee123456",
        "ValueError: boom",
        "50 % of requests",
        "2 requests in the last hour, at most",
        "healthy",
    ):
        assert wanted in page.text
    drawn = [attrs for tag, attrs in page.found if tag == "svg"]
    charts = [attrs for attrs in drawn if "aria-labelledby" in attrs]
    assert ["requests-title requests-what", "latency-title latency-what"] == [
        attrs["aria-labelledby"] for attrs in charts
    ]
    ids = [attrs["id"] for _, attrs in page.found if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert [] == [attrs for _, attrs in page.found if "style" in attrs]


async def test_before_the_first_request_nothing_is_made_up(ops: Ops) -> None:
    """A sentence for each chart, a dash for each percentile."""
    page = Elements(await ops.page(""))

    assert 2 <= page.text.count("No requests in the last hour.")
    assert "p50 –, p99 –" in page.text


async def test_without_other_layers_it_is_still_there() -> None:
    """Inbox, health, SLO and watchdog off."""
    with ops_of(shop(), inbox=False, health=False) as ops:
        for name in ("slo", "watchdog"):
            ops.stack.plan.handles.pop(name, None)
        await ops.visit("/ok")

        told = await ops.json("/overview")
        page = Elements(await ops.page("")).text

    assert told["health"] is None
    assert told["issues"]["open"] is None
    assert [] == told["objectives"]
    assert told["event_loop"] is None
    assert "The inbox is off" in page


async def test_a_store_that_fails_costs_its_part_only() -> None:
    """The rest of the page is there."""

    class Down(ToldStore):
        def issues(self, *_: Any, **__: Any) -> Any:
            raise StoreError("inbox.db: disk I/O error")

    with ops_of(shop(), inbox={"store": Down()}) as ops:
        await ops.visit("/ok")

        told = await ops.json("/overview")
        page = await ops.page("")

    assert "disk I/O error" in told["issues"]["problem"]
    assert 1 == told["last_hour"]["requests"]
    assert "disk I/O error" in page


async def test_more_issues_than_are_counted_are_more_than(ops: Ops) -> None:
    """Two hundred and a plus."""
    write(ops.store, *(entry(f"issue {number}") for number in range(201)))

    told = await ops.json("/overview")

    assert (200, True) == (told["issues"]["open"], told["issues"]["at_least"])
    assert 5 == len(told["issues"]["latest"])
    assert "200+" in Elements(await ops.page("")).text.replace(" ", "")


async def test_budgets_and_lag_are_shown(ops: Ops) -> None:
    """As their layers tell them."""

    @dataclass
    class Budget:
        name: str = "checkout"
        objective: float = 99.9
        good: int = 990
        bad: int = 10
        budget_remaining: float = 0.25
        burn_rate: float = 1.5
        window: float = 2_592_000.0

    class Slo:
        def status(self) -> list[Budget]:
            return [Budget()]

    class Watchdog:
        lag = 0.0125

    ops.stack.plan.handles.update(slo=Slo(), watchdog=Watchdog())

    page = Elements(await ops.page("")).text
    told = await ops.json("/overview")

    for wanted in ("checkout", "99.9 %", "25 %", "1.50", "12.5 ms"):
        assert wanted in page
    assert {"lag_ms": 12.5} == told["event_loop"]
    assert ["checkout"] == [one["name"] for one in told["objectives"]]


async def test_unknown_filters_are_refused(ops: Ops) -> None:
    """There are none here."""
    assert 422 == (await ops.get("/api/overview?since=1h")).status


async def test_a_layer_that_fails_costs_its_part_only(ops: Ops) -> None:
    """Whatever it raises (`console.overview`)."""

    class Broken:
        def status(self) -> list[Any]:
            raise RuntimeError("no budget")

    ops.stack.plan.handles["slo"] = Broken()
    with internal_errors() as errors:
        told = await ops.json("/overview")

    assert [] == told["objectives"]
    assert 1 == errors["console.overview"]

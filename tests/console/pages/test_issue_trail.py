"""Log lines and trace of an issue that another worker, or an earlier one, has seen."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from fastapi import FastAPI
from opentelemetry import trace

from steadfastapi.console.pages.issue_trail import Rememberer, lines_of, trace_of
from steadfastapi.console.sources import Sources
from steadfastapi.tracing.layer import TracingHandle
from support.ops import Elements, ops_of

pytestmark = pytest.mark.anyio


async def test_every_worker_shows_what_the_failing_one_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And so does the one after a restart: it is in the store."""
    app = FastAPI(title="Shop")

    @app.get("/pay")
    async def pay() -> None:
        logging.getLogger("shop").warning("about to charge")
        with trace.get_tracer("shop").start_as_current_span("POST /charge"):
            raise ValueError("no")

    with ops_of(app) as ops:
        await ops.visit("/pay")
        (issue,) = await ops.issues()
        monkeypatch.setattr(Sources, "lines_of", lambda *_: [])
        monkeypatch.setattr(TracingHandle, "ring", [])

        page = Elements(await ops.page(f"/issues/{issue.id}")).text
        told = await ops.json(f"/issues/{issue.id}")

    assert "about to charge" in page
    assert "POST /charge" in page
    assert "about to charge" in [line["event"] for line in told["log_lines"]]
    names = [row["name"] for row in told["trace"]["rows"]]
    assert ["GET /pay", "POST /charge"] == names


async def test_a_request_with_thousands_of_lines_is_cut() -> None:
    """Its last lines and its first spans are kept."""
    app = FastAPI(title="Shop")

    @app.get("/chatty")
    async def chatty() -> None:
        tracer = trace.get_tracer("shop")
        for number in range(300):
            logging.getLogger("shop").warning("line %s", number)
            with tracer.start_as_current_span(f"span {number}"):
                pass
        raise ValueError("no")

    with ops_of(app) as ops:
        await ops.visit("/chatty")
        (issue,) = await ops.issues()
        told = await ops.json(f"/issues/{issue.id}")

    trail = told["latest"]["trail"]
    found = trace_of(trail)
    assert found is not None
    assert "GET /chatty" == found.rows[0].name
    assert found.left_out > 100
    assert "request" == lines_of(trail)[-1]["event"]
    assert 10 < len(lines_of(trail)) < 300


async def test_an_occurrence_without_leads_to_one_that_has_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of many in ten seconds, one has."""
    app = FastAPI(title="Shop")

    @app.get("/pay")
    async def pay() -> None:
        raise ValueError("no")

    with ops_of(app) as ops:
        for _ in range(3):
            await ops.visit("/pay")
        (issue,) = await ops.issues()
        listed = (await ops.json(f"/issues/{issue.id}/occurrences"))["items"]
        (complete,) = (one["id"] for one in listed if one["trail"])
        monkeypatch.setattr(Sources, "lines_of", lambda *_: [])
        monkeypatch.setattr(TracingHandle, "ring", [])

        page = Elements(await ops.page(f"/issues/{issue.id}"))
        other = await ops.page(f"/issues/{issue.id}?entry={complete}")

    assert "Neither log lines nor trace" in page.text
    assert 2 == len(page.links(f"/ops/issues/{issue.id}?entry={complete}"))
    assert "Neither log lines nor trace" not in other


@pytest.mark.parametrize(
    "trail",
    [
        {},
        {"lines": "x", "trace": "y"},
        {"lines": ["x"], "trace": {"rows": [{"colour": "red"}]}},
        {"lines": None, "trace": {"trace_id": "a", "rows": None}},
        {"trace": {"rows": [], "unknown": 1}},
    ],
)
def test_a_trail_of_another_version_is_left_out(trail: dict[str, Any]) -> None:
    """Whatever it is."""
    assert [] == lines_of(trail)
    assert trace_of(trail) is None


def test_a_worker_without_logs_and_traces_remembers_nothing() -> None:
    """The layers are off."""

    class Nothing:
        tracing = None

        def lines_of(self, request_id: str) -> list[Any]:
            return []

    remember: Any = Rememberer(Nothing())  # type: ignore[arg-type]

    assert {} == remember("a-request", "f" * 32)

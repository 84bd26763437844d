"""Open pages hear of new, changed and reopened issues."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from fastapi import FastAPI

from support.asgi import call
from support.inbox import entry, issue_id, write
from support.ops import TOKEN, Ops, ops_of

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.anyio

START_AND_RETRY = 2
"""Messages of a stream before its first event."""


@pytest.fixture
def ops() -> Iterator[Ops]:
    """Yield an application with an empty inbox."""
    app = FastAPI(title="Shop")

    @app.get("/boom")
    async def boom() -> None:
        raise ValueError("boom")

    with ops_of(app) as ops:
        yield ops


async def listen(ops: Ops, path: str, heard: list[Any], count: int) -> None:
    """Read so many events of a stream."""
    headers = [("authorization", f"Bearer {TOKEN}")]
    result = await call(
        ops.app,
        "GET",
        f"/ops/api{path}",
        headers=headers,
        disconnect_after=START_AND_RETRY + count,
        timeout=20,
    )
    assert 200 == result.status
    lines = result.body.decode().splitlines()
    told = [line for line in lines if line.startswith("data: ")]
    heard.extend(json.loads(line.removeprefix("data: ")) for line in told)


async def test_new_resolved_and_reopened_issues_are_told(ops: Ops) -> None:
    """Each as it happens, in this worker at once."""
    heard: list[Any] = []

    path = f"/issues/stream?since={time.time()}"
    async with anyio.create_task_group() as group:
        group.start_soon(listen, ops, path, heard, 1)
        await ops.visit("/boom")
    (issue,) = await ops.issues()
    path = f"/issues/{issue.id}/stream?since={time.time()}"
    async with anyio.create_task_group() as group:
        group.start_soon(listen, ops, path, heard, 1)
        await ops.post(f"/api/issues/{issue.id}/resolve")
    path = f"/issues/{issue.id}/stream?since={time.time()}"
    async with anyio.create_task_group() as group:
        group.start_soon(listen, ops, path, heard, 1)
        await ops.visit("/boom")
        await ops.written()

    assert [issue.id] * 3 == [one["id"] for one in heard]
    told = [(one["what"], one["state"], one["count"]) for one in heard]
    assert [("new", "open", 1), ("state", "resolved", 1), ("reopened", "open", 2)] == (
        told
    )


async def test_what_another_worker_writes_is_told(ops: Ops) -> None:
    """The store is asked, for no other process can wake this one."""
    heard: list[Any] = []

    async with anyio.create_task_group() as group:
        group.start_soon(listen, ops, "/issues/stream?since=0", heard, 1)
        write(ops.store, entry("another"))

    assert [issue_id("another")] == [one["id"] for one in heard]


async def test_streams_of_what_is_not_there_are_refused(ops: Ops) -> None:
    """And of unknown filters."""
    assert 404 == (await ops.get("/api/issues/nonsense/stream")).status
    assert 422 == (await ops.get("/api/issues/stream?colour=red")).status
    assert 422 == (await ops.get("/api/issues/stream?since=soon")).status

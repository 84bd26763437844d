"""What error inboxes get wrong; each test is named after its trap."""

from __future__ import annotations

import contextlib
import logging
import queue
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from fastapi import FastAPI, Request
from starlette.testclient import TestClient

from steadfastapi import bind
from steadfastapi.exceptions import StoreError
from steadfastapi.inbox.alerting import IssueAlerts
from steadfastapi.inbox.api import capture_exception
from steadfastapi.inbox.query import Query
from steadfastapi.inbox.sqlite import SQLiteStore
from support.asgi import call
from support.canaries import Canaries, raise_with_all
from support.inbox import ToldStore, entry, issue_id, write
from support.inbox_apps import inbox_of

if TYPE_CHECKING:
    from steadfastapi.alerts import Alert

TESTS = Path(__file__).parents[1]

WRITER = """
import sys
from steadfastapi.inbox.sqlite import SQLiteStore
from support.inbox import batch, entry
store = SQLiteStore(sys.argv[1])
for number in range(int(sys.argv[2])):
    store.write(batch(entry("same", user=f"{sys.argv[3]}")))
"""


def crashing() -> FastAPI:
    """Return an application with an endpoint that raises and one that works."""
    app = FastAPI()

    @app.get("/crash")
    async def crash() -> None:
        raise ValueError("the till is empty")

    @app.get("/ok")
    async def fine() -> str:
        return "ok"

    return app


def write_at_once(path: Path, workers: int, entries: int) -> None:
    """Let several processes write entries of one issue."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(entries), f"u{worker}"],
            env={"PYTHONPATH": str(TESTS)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for worker in range(workers)
    ]
    for process in processes:
        _, said = process.communicate(timeout=60)
        assert (0, "") == (process.returncode, said)


def test_inbox_2_a_hanging_store_delays_no_response() -> None:
    """FLARE-11: responses come as if there were no inbox; the balance is exact."""
    store = ToldStore()
    store.delay = 0.3
    app = crashing()

    async def run() -> list[float]:
        times = []
        for _ in range(50):
            started = time.perf_counter()
            with contextlib.suppress(ValueError):
                await call(app, path="/crash")
            times.append(time.perf_counter() - started)
        return times

    with inbox_of(app, store=store) as kept:
        slowest = sorted(anyio.run(run))[-2]
        assert kept.handle.flush(10)
        status = kept.handle.status()

    assert slowest < 0.1
    assert 50 == status.accepted == status.written


def test_inbox_2_four_processes_write_without_an_error(tmp_path: Path) -> None:
    """INBOX-2 and INBOX-4: every one of them counted."""
    path = tmp_path / "inbox.db"

    write_at_once(path, workers=4, entries=50)

    (issue,) = SQLiteStore(path).issues(Query()).items
    assert (200, 4) == (issue.count, issue.users)


@pytest.mark.soak
def test_inbox_4_four_processes_count_4000(tmp_path: Path) -> None:
    """INBOX-4: 4 workers × 1,000."""
    path = tmp_path / "inbox.db"

    write_at_once(path, workers=4, entries=1_000)

    (issue,) = SQLiteStore(path).issues(Query()).items
    assert 4_000 == issue.count


@pytest.mark.parametrize("logs", [None, False])
def test_inbox_3_no_canary_is_kept(logs: bool | None) -> None:
    """SEC-1: 0 of 14 in all columns of the error store."""
    canaries = Canaries()
    app = FastAPI()

    @app.post("/leak")
    async def leak(request: Request) -> None:
        body = await request.json()
        bind(user_id="ada", login=body, headers=dict(request.headers))
        try:
            raise_with_all(canaries, request, body)
        except RuntimeError as error:
            capture_exception(error, body=body, headers=request.headers.items())
            logging.getLogger("shop").exception("failed with %s", body)
        logging.getLogger("shop").error("%s failed: %s", body, dict(request.headers))
        raise_with_all(canaries, request, body)

    layers = {"logs": logs}
    with inbox_of(app, layers=layers) as kept:
        with TestClient(app, raise_server_exceptions=False) as client:
            client.post("/leak", **canaries.request_kwargs())
        entries = kept.entries()
        found = canaries.find(kept.files())

    assert ["exception", "log", "unhandled_exception"] == sorted(
        one.event for one in entries
    )
    assert {} == found


def test_inbox_3_no_canary_is_told() -> None:
    """SEC-1: 0 of 14 in what alerters are given."""
    canaries = Canaries()
    app = FastAPI()
    told: queue.SimpleQueue[Alert] = queue.SimpleQueue()

    @app.post("/leak")
    async def leak(request: Request) -> None:
        body = await request.json()
        bind(user_id="ada", login=body, headers=dict(request.headers))
        logging.getLogger("shop").error("%s failed: %s", body, dict(request.headers))
        raise_with_all(canaries, request, body)

    with inbox_of(app, alerters=(told.put,)) as kept:
        with TestClient(app, raise_server_exceptions=False) as client:
            client.post("/leak", **canaries.request_kwargs())
        assert 2 == len(kept.issues(level="error"))
        alerts = [told.get(timeout=10) for _ in range(2)]

    assert {} == canaries.find(repr(alerts))


def test_inbox_4_a_resolved_issue_opens_again() -> None:
    """By itself, through the application."""
    app = crashing()

    with (
        inbox_of(app) as kept,
        TestClient(app, raise_server_exceptions=False) as client,
    ):
        client.get("/crash")
        (issue,) = kept.issues()
        kept.handle.store.set_state([issue.id], "resolved")
        client.get("/crash")
        (again,) = kept.issues()

    assert ("open", 2, issue.id) == (again.state, again.count, again.id)


def test_inbox_4_shifted_lines_keep_the_issue() -> None:
    """The same code, ten lines further down."""
    issues = set()
    for shift in ("", "\n" * 10):
        space: dict[str, Any] = {}
        source = f"{shift}def fail():\n    raise ValueError('x')\n"
        exec(compile(source, "/srv/shop/pay.py", "exec"), space)
        app = FastAPI()
        app.add_api_route("/pay", space["fail"])
        with inbox_of(app) as kept:
            with TestClient(app, raise_server_exceptions=False) as client:
                client.get("/pay")
            issues.add(kept.issues()[0].id)

    assert 1 == len(issues)


def test_flare_1_unhandled_errors_are_in_the_list() -> None:
    """FLARE-1: 4 requests, 2 of them 500: 2 in the inbox."""
    app = crashing()

    with inbox_of(app) as kept:
        with TestClient(app, raise_server_exceptions=False) as client:
            for path in ("/ok", "/crash", "/crash", "/ok"):
                client.get(path)
        (issue,) = kept.issues()

    assert (2, "error") == (issue.count, issue.level)


def test_flare_6_the_first_error_after_a_cold_start_has_an_issue() -> None:
    """FLARE-6: and a second start finds it."""
    app = crashing()
    with inbox_of(app) as kept:
        with TestClient(app, raise_server_exceptions=False) as client:
            client.get("/crash")
        assert [1] == [one.count for one in kept.issues()]


def test_sec_10_a_storm_costs_a_row_and_a_counter() -> None:
    """SEC-10: 2,000 requests that crash, one row, all counted, nothing dropped."""
    app = crashing()

    async def storm() -> None:
        for _ in range(2_000):
            with contextlib.suppress(ValueError):
                await call(app, path="/crash")

    with inbox_of(app, layers={"logs": False}) as kept:
        anyio.run(storm)
        (issue,) = kept.issues()
        entries = kept.entries()
        status = kept.handle.status()

    assert (2_000, 2_000, {}) == (issue.count, status.written, status.dropped)
    # A slow machine may begin with batches too small for a storm.
    assert len(entries) <= 1 + 3 * 20


def test_sec_10_a_full_disk_is_harmless(tmp_path: Path) -> None:
    """The application answers; the state says why; entries wait."""
    store = SQLiteStore(tmp_path / "inbox.db", max_bytes=100_000)
    with pytest.raises(StoreError, match="full"):
        _fill(store)
    app = crashing()

    with (
        inbox_of(app, store=store) as kept,
        TestClient(app, raise_server_exceptions=False) as client,
    ):
        for _ in range(5):
            assert 500 == client.get("/crash").status_code
        kept.handle.flush(0.5)
        status = kept.handle.status()

    assert "down" == status.state
    assert "full" in (status.problem or "")
    assert 5 == status.accepted == status.queued + status.written


def _fill(store: SQLiteStore) -> None:
    while True:
        write(store, entry(message="x" * 4_000))


def test_inbox_2_a_broken_file_changes_no_answer(tmp_path: Path) -> None:
    """Corrupt, or somebody else's: identical responses, honest state."""
    answers = []
    for content in (None, b"junk" * 4096):
        folder = tmp_path / str(content is None)
        folder.mkdir()
        path = folder / "inbox.db"
        if content is not None:
            path.write_bytes(content)
        app = crashing()
        url = f"sqlite:///{path}"
        with (
            inbox_of(app, url=url) as kept,
            TestClient(app, raise_server_exceptions=False) as client,
        ):
            response = client.get("/crash")
            answers.append((response.status_code, response.content))
            kept.handle.flush(0.5)
            state = kept.handle.status().state
        assert ("ok" if content is None else "down") == state

    assert answers[0] == answers[1]


def test_inbox_4_issues_are_counted_by_the_store(tmp_path: Path) -> None:
    """Two stores of one file add up, whoever read the count last."""
    path = tmp_path / "inbox.db"
    stores = [SQLiteStore(path), SQLiteStore(path)]
    for store in stores * 5:
        write(store, entry())

    connection = sqlite3.connect(path)
    counts = connection.execute("SELECT id, count FROM issues").fetchall()
    connection.close()
    assert [(issue_id("one"), 10)] == counts


def test_inbox_5_a_thousand_flaps_are_told_once_by_the_fleet(tmp_path: Path) -> None:
    """Resolved and back, again and again, in four workers: one alert of each kind."""
    told: queue.SimpleQueue[Alert] = queue.SimpleQueue()
    workers = []
    for _ in range(4):
        store = SQLiteStore(tmp_path / "inbox.db")
        workers.append((store, IssueAlerts(store, (told.put,), 60.0, source="shop")))

    with contextlib.ExitStack() as stack:
        for number in range(1_000):
            store, tell = workers[number % 4]
            for change in write(store, entry("flapping", title="bank is away")):
                tell(change)
            store.set_state([issue_id("flapping")], "resolved")
        (issue,) = workers[0][0].issues(Query()).items
        for store, _ in workers:
            stack.callback(store.close)

    assert 1_000 == issue.count
    assert {"New: bank is away", "Again: bank is away"} == {
        told.get(timeout=10).title for _ in range(2)
    }
    with pytest.raises(queue.Empty):
        told.get(timeout=0.2)

"""NB-9: forks after `configure`, while the parent's own exporters are busy."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import orjson
import pytest
from fastapi import FastAPI

from steadfastapi import configure
from steadfastapi.inbox.query import Query
from steadfastapi.inbox.sqlite import SQLiteStore
from support._process_runner import environment
from support.asgi import call
from support.inbox import entry, write
from support.otlp import OtlpReceiver
from support.proxy import FaultProxy
from support.sentry import SentryReceiver

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

CHILDREN = 4


class Forked(NamedTuple):
    """What became of some rounds of forks."""

    sent: list[str]
    """Ids of the failed requests of the parent and all children."""
    codes: set[int]
    """How the children ended: 0 is delivered, 1 hangs, 3 is not delivered."""
    delivered: bool
    """What the parent's own shutdown said."""
    arrived: dict[str, Counter[str]]
    """By backend, how often each id arrived."""
    counted: int
    """Failures that the inbox counts."""
    said: str
    """Where a child hung."""


def fork(rounds: int, folder: Path) -> Forked:
    """Fork so many times four children, with all backends well."""
    inbox, report = folder / "inbox.db", folder / "report.json"
    command = [sys.executable, "-m", "support.soak_forks"]
    with SentryReceiver() as sentry, OtlpReceiver() as otlp:
        ended = subprocess.run(
            [*command, str(rounds), str(CHILDREN), str(report)],
            env=environment(
                {
                    "ENVIRONMENT": "test",
                    "OTEL_EXPORTER_OTLP_ENDPOINT": otlp.endpoint,
                    "SENTRY_DSN": sentry.dsn,
                    "STEADFAST_INBOX_URL": f"sqlite:///{inbox}",
                }
            ),
            # Lines go to the real stdout: of its lock a child has one of its own.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=True,
        )
        told = orjson.loads(report.read_bytes())
        arrived = {
            "sentry": Counter(one["tags"]["request_id"] for one in sentry.events()),
            "traces": Counter(one.trace_id for one in otlp.spans()),
            "lines": Counter(
                one.attributes["request_id"] for one in otlp.logs("request")
            ),
        }
    with closing(SQLiteStore(inbox)) as store:
        counted = sum(
            issue.count
            for issue in store.issues(Query()).items
            if "wheels" in issue.title
        )
    return Forked(
        sent=told["own"] + told["forked"],
        codes=set(told["codes"]),
        delivered=told["delivered"],
        arrived=arrived,
        counted=counted,
        said=ended.stderr,
    )


def check(forked: Forked) -> None:
    """Assert that everybody has everything once, and nobody hung."""
    once = Counter(forked.sent)
    assert {0} == forked.codes, forked.said[-4000:]
    assert forked.delivered
    assert {} == {
        backend: dict(got - once)
        for backend, got in forked.arrived.items()
        if got - once
    }
    assert {} == {
        backend: len(once - got)
        for backend, got in forked.arrived.items()
        if once - got
    }
    assert len(forked.sent) == forked.counted


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_nb_9_four_forks_deliver_everything_once(tmp_path: Path) -> None:
    """Events, spans, lines and entries of the parent and of each child."""
    check(fork(1, tmp_path))


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_nb_9_a_hundred_rounds_of_forks_hang_nowhere(tmp_path: Path) -> None:
    """0 deadlocks, 0 lost, 0 duplicates: locks and queues are busy at each fork."""
    check(fork(100, tmp_path))


def in_child(work: Callable[[], bool]) -> bool:
    """Return what `work` returns in a forked child."""
    child = os.fork()
    if child == 0:
        code = 2
        try:
            code = 0 if work() else 1
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1] == 0


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_nb_9_what_waits_for_sentry_at_a_fork_is_sent_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the parent, whose it is; the child sends what it captures itself."""
    app = FastAPI()

    @app.get("/crash")
    async def crash() -> None:
        raise RuntimeError("the wheels came off")

    def fail(identity: str) -> None:
        headers = [(b"x-request-id", identity.encode())]
        asyncio.run(call(app, path="/crash", headers=headers))

    with SentryReceiver() as sentry, FaultProxy(sentry.host, sentry.port) as proxy:
        monkeypatch.setenv("SENTRY_DSN", f"http://public@{proxy.host}:{proxy.port}/1")
        stack = configure(app, logs=False, tracing=False, inbox=False)
        queued, told = os.pipe()
        proxy.black_hole()
        for number in range(3):
            fail(f"of-parent-{number}")

        def be_child() -> bool:
            fail("of-child")
            os.write(told, b"x")
            return stack.shutdown(5.0)

        # The child's event is queued before anything is delivered.
        def heal() -> None:
            os.read(queued, 1)
            proxy.heal()

        healer = threading.Thread(target=heal)
        healer.start()
        assert in_child(be_child)
        healer.join()
        os.close(queued)
        os.close(told)
        assert stack.shutdown(5.0)
        events = Counter(one["tags"]["request_id"] for one in sentry.events())

    assert Counter([*(f"of-parent-{n}" for n in range(3)), "of-child"]) == events


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_nb_9_a_fork_in_a_transaction_leaves_the_child_its_inbox(
    tmp_path: Path,
) -> None:
    """Whoever forks while the parent's writer writes has an inbox that works."""
    store = SQLiteStore(tmp_path / "inbox.db", busy_timeout=0.5)
    write(store, entry("parent"))
    inside = threading.Event()

    def be_long(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE issues SET count = count")
        inside.set()
        time.sleep(0.2)

    def be_child() -> bool:
        time.sleep(0.4)  # by now the parent's transaction is over
        write(store, entry("child"))
        return True

    writer = threading.Thread(target=store._in_transaction, args=(be_long,))
    writer.start()
    assert inside.wait(5)
    wrote = in_child(be_child)
    writer.join()
    store.close()

    assert wrote

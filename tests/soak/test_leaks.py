"""TP-3: a hundred thousand requests of all kinds, and the process is as it was."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from support.outage_backends import Collector
from support.scrape import fetch
from support.server import LiveServer
from support.soak_traffic import ROUND, crowd, visit

if TYPE_CHECKING:
    from pathlib import Path

WARM_UP = 2_000
REQUESTS = 100_000
PARTS = 10
LOOKS = 3
"""Parts at the end of which memory is judged."""
BYTES_PER_REQUEST = 10
TRACED = 2**20
RSS = 0.05
LATE = 4
"""Connections and files that are opened once, after a short warm-up: far fewer than
the twenty requests of each kind, each of which would leave one."""
FLAT = ("descriptors", "threads", "tasks")
SETTLES = 5.0
"""Seconds after which what was in flight has left: queues, threads that were idle."""


def figures(server: LiveServer, settles: float = SETTLES) -> dict[str, int]:
    """Return what the process holds once it has come to rest.

    What waits in a queue at that moment is not held: the least of three looks counts.
    """
    looks = []
    for _ in range(3):
        time.sleep(settles / 3)
        looks.append(orjson.loads(fetch(server, "/control/figures").body))
    return {kind: min(one[kind] for one in looks) for kind in looks[0]}


def nothing(path: str, body: bytes) -> list[str]:
    """Take everything, and keep nothing."""
    return []


def soak(
    tmp_path: Path, warm_up: int, parts: list[int], settles: float = SETTLES
) -> list[dict[str, Any]]:
    """Return the figures after the warm-up and after each part of the requests."""
    with Collector(nothing) as sentry, Collector(nothing) as otlp:
        env: dict[str, str | None] = {
            "ENVIRONMENT": "test",
            "OTEL_EXPORTER_OTLP_ENDPOINT": otlp.endpoint,
            "PYTHONTRACEMALLOC": "1" if settles == SETTLES else None,
            "SENTRY_DSN": f"http://public@{sentry.host}:{sentry.port}/1",
            "STEADFAST_CONSOLE_TOKEN": "a-token-that-nobody-knows-0123456789",
            "STEADFAST_INBOX_URL": f"sqlite:///{tmp_path / 'inbox.db'}",
        }
        with LiveServer(
            "support.soak_app:served",
            subprocess=True,
            http="httptools",
            access_log=False,
            start_timeout=60,
            timeout_keep_alive=120,
            env=env,
        ) as server:
            asyncio.run(visit(server, warm_up))
            asyncio.run(crowd(server, "/sync/1"))
            found: list[dict[str, Any]] = [figures(server, settles)]
            for part in parts:
                seen = asyncio.run(visit(server, part))
                found.append(figures(server, settles) | {"seen": seen})
    return found


def check_answers(seen: dict[str, int], count: int) -> None:
    """Assert that each kind of request was answered as it should be."""
    rounds = count // len(ROUND)
    assert {
        "200",
        "201",
        "404",
        "405",
        "409",
        "422",
        "429",
        "500",
        "left",
        "hello",
    } >= (seen.keys())
    assert rounds == seen["500"] == seen["left"] == seen["hello"] == seen["409"]
    assert count == sum(seen.values())


@pytest.mark.proof
def test_tp_3_some_hundred_requests_leave_no_descriptor_thread_or_task(
    tmp_path: Path,
) -> None:
    """Errors, disconnects, streams and WebSockets among them, twenty of each kind."""
    before, after = soak(tmp_path, 200, [400], settles=1.5)

    check_answers(after["seen"], 400)
    for kind in FLAT:
        assert after[kind] <= before[kind] + LATE, kind


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_tp_3_a_hundred_thousand_requests_leave_nothing(tmp_path: Path) -> None:
    """≤ 10 B a request and ≤ 1 MiB traced, RSS ≤ +5 %, the rest as it was."""
    found = soak(tmp_path, WARM_UP, [REQUESTS // PARTS] * PARTS)
    before, after = found[0], found[-1]
    # What waits in a queue at one moment is not held: the least of the last looks.
    grown = min(one["traced"] for one in found[-LOOKS:]) - before["traced"]
    print([{k: v for k, v in one.items() if k != "seen"} for one in found])  # noqa: T201

    for part in found[1:]:
        check_answers(part["seen"], REQUESTS // PARTS)
    for kind in FLAT:
        assert after[kind] <= before[kind], kind
    assert grown <= min(TRACED, BYTES_PER_REQUEST * REQUESTS)
    assert after["rss"] <= before["rss"] * (1 + RSS)

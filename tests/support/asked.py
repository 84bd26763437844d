"""Every query of every dashboard, asked of a real Prometheus."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from support.boards import BOARDS, Board, Query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from support.jobs import Job
    from support.prometheus import Prometheus, Series

PATIENCE = 60.0
"""Seconds until every query must have an answer; it takes ten on an idle machine."""
FIRST_SCRAPES = 4.0
"""Seconds before which there is no use in asking: a rate needs two of them."""
INTERVAL = "10s"
"""`$__rate_interval` at a scrape a second."""
HOUR = 3_600

EMPTY = {
    ("steadfastapi-executive", "8B"): "a week ago there was nothing",
    ("steadfastapi-debug", "3A"): "counted by Tempo, which does not run here",
}
"""Queries without an answer, by dashboard and place."""
EMPTY_IN_THE_SHOP = {
    ("steadfastapi-oncall", "14A"): "it has no circuit breaker",
    ("steadfastapi-oncall", "25A"): "nothing of steadfastapi itself fails there",
    ("steadfastapi-debug", "18A"): "it has nobody whom its health checks tell",
    ("steadfastapi-debug", "18B"): "the same",
}
"""More of them, for want of what the shop has none of."""


@dataclass(frozen=True)
class Seen:
    """What Prometheus answered.

    Args:
        prometheus: It goes on scraping while the tests ask.
        began: Unix time of its start.
        jobs: What it scrapes.
        answers: Series by job, dashboard and place; nothing for what has none.
    """

    prometheus: Prometheus
    began: float
    jobs: tuple[Job, ...]
    answers: dict[tuple[str, str, str], list[Series]]


def fill_in(text: str, job: Job, began: float) -> str:
    """Put values in place of all variables, as Grafana does."""
    values = {
        "${__from}": str(int((began - HOUR) * 1_000)),
        "$__rate_interval": INTERVAL,
        "$__range": "5m",
        "$instance": ".+",
        "$route": ".+",
        "$job": job.name,
    }
    for name, value in values.items():
        text = text.replace(name, value)
    assert "$" not in text, text
    return text


def boards_of(job: Job) -> list[Board]:
    """Return the dashboards in the naming of a job."""
    return [board for board in BOARDS if board.naming == job.naming]


def queries_of(job: Job) -> Iterator[tuple[tuple[str, str, str], Query]]:
    """Return every PromQL query for a job, by what it is known as."""
    for board in boards_of(job):
        for query in board.queries():
            yield (job.name, board.uid, query.place), query


def is_finite(found: list[Series]) -> bool:
    """Whether any value is a number."""
    return any(math.isfinite(one.value) for one in found)


def empty(job: Job) -> dict[tuple[str, str], str]:
    """Return the queries that have no answer for a job, with the reasons."""
    return EMPTY | EMPTY_IN_THE_SHOP if job.shop else EMPTY


def ask_until_answered(
    server: Prometheus, began: float, jobs: tuple[Job, ...]
) -> dict[Any, list[Series]]:
    """Ask everything again and again, until all is answered or patience is over."""
    waiting = {
        key: fill_in(query.text, job, began)
        for job in jobs
        for key, query in queries_of(job)
        if key[1:] not in empty(job)
    }
    answers: dict[Any, list[Series]] = {}
    deadline = time.monotonic() + PATIENCE
    time.sleep(FIRST_SCRAPES)
    while waiting and time.monotonic() < deadline:
        time.sleep(1.0)
        answers |= {key: server.query(text) for key, text in waiting.items()}
        waiting = {
            key: text for key, text in waiting.items() if not is_finite(answers[key])
        }
    return answers


def wait_for_each(wanted: Iterable[str], has_come: Callable[[str], bool]) -> None:
    """Wait until each has come once; rules run once in several seconds.

    Not all at the same time: a busy machine misses a scrape now and then, and
    Prometheus forgets the series until the next one.
    """
    missing = sorted(wanted)
    assert missing
    deadline = time.monotonic() + PATIENCE
    while missing := [one for one in missing if not has_come(one)]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.5)
    assert [] == missing


def lately(job: Job, seen: Seen) -> list[Series]:
    """Return the names that a job exported in the last minute."""
    every = f'last_over_time({{job="{job.name}"}}[1m])'
    return seen.prometheus.query(f"group by (__name__) ({every})")

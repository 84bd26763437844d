"""Workers that are killed and replaced, and what the scrapes between them say."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from support._process_runner import environment
from support._tcp import HOST
from support.scrape import Page, fetch_side_by_side, scrape

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WORKERS = 3
"""Of `apps.prefork`, whose import would configure its application here."""
ASKED = 6
"""Requests between two kills."""
_COUNTERS = ("_total", "_count", "_sum", "_bucket")


class Forking(NamedTuple):
    """A server of forked workers."""

    host: str
    port: int


class Recycled(NamedTuple):
    """What many recycles came to."""

    killed: int
    sent: int
    counted: int
    """Requests on the last page."""
    fallen: list[str]
    """Counters that were lower than at the scrape before."""
    stale: int
    """Scrapes that counted more workers than can live."""
    files: int
    """The most after a scrape."""


@contextmanager
def preforked(directory: Path) -> Iterator[Forking]:
    """Serve by `apps.prefork`, whose metrics are in a directory."""
    process = subprocess.Popen(
        [sys.executable, "-m", "apps.prefork"],
        env=environment(
            {"ENVIRONMENT": "test", "PROMETHEUS_MULTIPROC_DIR": str(directory)}
        ),
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        yield Forking(HOST, int(process.stdout.readline()))
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def recycle(directory: Path, recycles: int) -> Recycled:
    """Kill every worker that has served, again and again, with SIGKILL.

    Args:
        directory: Where the values are.
        recycles: How many are killed.
    """
    sent = killed = stale = files = 0
    fallen: list[str] = []
    with preforked(directory) as server:
        page = scrape(server)
        while killed < recycles:
            bodies = fetch_side_by_side(server, "/jobs/1", ASKED)
            sent += len(bodies)
            before, page = page, scrape(server)
            fallen += lower(before, page)
            stale += page.total("worker_up") > WORKERS
            files = max(files, len(list(directory.glob("*.db"))))
            for pid in {json.loads(body)["pid"] for body in bodies}:
                os.kill(pid, signal.SIGKILL)
                killed += 1
        last = scrape(server)
        fallen += lower(page, last)
    counted = int(last.total("http_requests_total", handler="/jobs/{number}"))
    return Recycled(killed, sent, counted, fallen, stale, files)


def lower(before: Page, after: Page) -> list[str]:
    """Return the counters that have fallen; a series that is gone has, too."""
    now = {(one.name, *sorted(one.labels.items())): one.value for one in after.samples}
    return [
        f"{one.name} {one.labels}: {one.value}"
        for one in before.samples
        if one.name.endswith(_COUNTERS)
        and now.get((one.name, *sorted(one.labels.items())), -1.0) < one.value
    ]

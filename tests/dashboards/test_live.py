"""Every query of every panel and rule, against a real Prometheus and real processes.

One Prometheus scrapes all of them at once: an application that uses everything, in both
namings, with and without workers, and the shop with its customers.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from dashboards.live_checks import OF_ALL, OF_EACH
from support.asked import Seen, ask_until_answered
from support.busy import busy_servers, load, prometheus
from support.jobs import JOBS, SHOPS, Job
from support.services import find_prometheus, require

if TYPE_CHECKING:
    from pathlib import Path

EACH_TIME = (
    *(job for job in JOBS if job.name != "default-multi"),
    SHOPS[0],
)
"""Four processes or groups of workers: the shop stands for one, as its users have it.
`make soak` asks all eight."""


def see_everything(
    folder: Path, jobs: tuple[Job, ...], subtests: pytest.Subtests
) -> None:
    """Serve the jobs, and check all that can be asked about them."""
    require("prometheus", find_prometheus())
    began = time.time()
    with (
        busy_servers(folder, jobs) as servers,
        prometheus(servers) as server,
        load(servers),
    ):
        answers = ask_until_answered(server, began, jobs)
        seen = Seen(server, began, jobs, answers)
        for check in OF_ALL:
            with subtests.test(check.__name__):
                check(seen)
        for check_each in OF_EACH:
            for job in jobs:
                with subtests.test(check_each.__name__, job=job.name):
                    check_each(job, seen)


@pytest.mark.timeout(240)
def test_every_query_lives(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """All of it, in one test: a worker of xdist starts what it needs only once."""
    see_everything(tmp_path, EACH_TIME, subtests)


@pytest.mark.soak
@pytest.mark.timeout(240)
@pytest.mark.parametrize("jobs", [JOBS, SHOPS], ids=["busy", "shop"])
def test_every_query_lives_everywhere(
    jobs: tuple[Job, ...], tmp_path: Path, subtests: pytest.Subtests
) -> None:
    """Both applications, in both namings, with and without workers."""
    see_everything(tmp_path, jobs, subtests)

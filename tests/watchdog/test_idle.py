"""What the watchdog costs a process that has nothing to do."""

import time
from pathlib import Path

import pytest

from support.server import LiveServer

SECONDS = 30.0
ALLOWED = 0.002
"""Share of a core, by issue 6."""
APPLICATION = """
from fastapi import FastAPI

from steadfastapi import configure

OFF = {name: False for name in (
    "console", "health", "inbox", "limits", "logs", "metrics", "sentry", "tracing"
)}
watched = FastAPI()
configure(watched, **OFF)
bare = FastAPI()
configure(bare, **OFF, watchdog=False)
"""


def cpu_seconds(pid: int) -> float:
    """Return the processor time of all threads of a process."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    spent = ((thread / "schedstat").read_text().split()[0] for thread in threads)
    return sum(map(int, spent)) / 1e9


@pytest.mark.soak
@pytest.mark.timeout(120)
def test_an_idle_process_hardly_notices_it(tmp_path: Path) -> None:
    """At most 0.2 % of a core more than the same application without it."""
    (tmp_path / "idle.py").write_text(APPLICATION)

    def serve(name: str) -> LiveServer:
        return LiveServer(f"idle:{name}", subprocess=True, app_dir=str(tmp_path))

    with serve("watched") as watched, serve("bare") as bare:
        time.sleep(2)  # what a start leaves to do
        before = cpu_seconds(watched.pid), cpu_seconds(bare.pid)
        time.sleep(SECONDS)
        after = cpu_seconds(watched.pid), cpu_seconds(bare.pid)

    with_it, without = (end - start for start, end in zip(before, after, strict=True))
    assert with_it > without
    assert ALLOWED >= (with_it - without) / SECONDS

"""`steadfastapi run`."""

from __future__ import annotations

import re
import signal
import threading
import time
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from cli.conftest import RunCli

    Start = Callable[..., subprocess.Popen[str]]

APP = """\
import asyncio
import os
from fastapi import FastAPI, Request
from steadfastapi import configure
from steadfastapi._drain import drain

app = FastAPI()

@app.get("/")
async def state(request: Request) -> dict[str, object]:
    return {
        "draining": drain.begun,
        "pid": os.getpid(),
        "client": request.client.host,
        "metrics": os.environ.get("PROMETHEUS_MULTIPROC_DIR"),
    }

@app.get("/slow")
async def slow() -> str:
    await asyncio.sleep(1.0)
    return "done"

configure(app)
"""
DRAIN = 1.6
TURNED_WITHIN = 0.5
"""Seconds from the signal; 0.1 on a machine that has nothing else to do (HC-5)."""


class Served:
    """An application that the command serves from a directory."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._found = threading.Event()
        self.url = ""
        threading.Thread(target=self._read, daemon=True).start()
        assert self._found.wait(20), self.lines
        ends_at = time.monotonic() + 20
        while True:
            try:
                self.get("/")
            except httpx.TransportError:
                assert time.monotonic() < ends_at
            else:
                return

    def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        """Send a request on a connection of its own."""
        return httpx.get(self.url + path, headers=headers, trust_env=False)

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self.lines.append(line)
            found = re.search(r"http://127[.]0[.]0[.]1:[0-9]+", line)
            if found:
                self.url = found[0]
                self._found.set()
        self._found.set()


@pytest.fixture
def served(workplace: Path, start_cli: Start) -> Callable[..., Served]:
    """Start the command on a free port."""
    (workplace / "runapp.py").write_text(APP)

    def start(*options: str) -> Served:
        return Served(start_cli("run", "runapp:app", "--port", "0", *options))

    return start


@pytest.mark.parametrize("workers", [1, 2])
def test_sigterm_drains_and_no_request_is_refused(
    served: Callable[..., Served], workers: int
) -> None:
    """Serving goes on while readiness is gone; open requests end; status is 0."""
    server = served("--drain", str(DRAIN), "--workers", str(workers))
    signalled_at = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    late = []
    while (asked := time.monotonic() - signalled_at) < DRAIN / 2:
        draining = server.get("/").json()["draining"]
        if asked > TURNED_WITHIN:
            late.append(draining)
    slow = server.get("/slow")  # ends after the drain

    assert (200, "done") == (slow.status_code, slow.json())
    assert {True} == set(late)
    assert 0 == server.process.wait(10)


def test_workers_share_a_metrics_directory_that_is_gone_afterwards(
    served: Callable[..., Served], tmp_path: Path
) -> None:
    """The command makes it before the workers start, and removes it."""
    server = served("--drain", "0", "--workers", "2")
    folder = server.get("/").json()["metrics"]
    assert folder.startswith(str(tmp_path))
    server.process.send_signal(signal.SIGTERM)
    assert 0 == server.process.wait(10)
    assert [] == list(tmp_path.glob("steadfastapi-metrics-*"))


def test_a_request_has_one_access_line(served: Callable[..., Served]) -> None:
    """Ours; uvicorn's own is off."""
    server = served("--drain", "0")
    server.get("/slow")
    server.process.send_signal(signal.SIGTERM)
    assert 0 == server.process.wait(10)
    assert 1 == sum("/slow" in line for line in server.lines)


@pytest.mark.parametrize(
    ("options", "client"),
    [
        ([], "127.0.0.1"),
        (["--trusted-proxy", "127.0.0.0/8"], "203.0.113.9"),
        (["--trusted-proxy", "127.0.0.7/8"], "203.0.113.9"),
    ],
)
def test_forwarded_addresses_count_from_listed_proxies_only(
    served: Callable[..., Served], options: list[str], client: str
) -> None:
    """Nobody is trusted unless he is named."""
    server = served("--drain", "0", *options)
    headers = {"x-forwarded-for": "203.0.113.9"}
    assert client == server.get("/", headers).json()["client"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["runapp:ap"], "Did you mean 'app'?"),
        (["nowhere:app"], "There is no module 'nowhere'"),
        (["runapp:app", "--trusted-proxy", "proxy"], "'proxy' is no address"),
    ],
)
def test_what_cannot_be_served_ends_with_one_message(
    workplace: Path, run_cli: RunCli, arguments: list[str], words: str
) -> None:
    """Status 2, and no traceback."""
    (workplace / "runapp.py").write_text(APP)
    ended = run_cli("run", *arguments)
    assert (2, True) == (ended.code, words in ended.err)
    assert "Traceback" not in ended.err


def test_a_wrong_setting_ends_before_a_worker_starts(
    workplace: Path, run_cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers that cannot start are not started over and over."""
    (workplace / "runapp.py").write_text(APP)
    monkeypatch.setenv("STEADFAST_METRICS_PAHT", "/m")
    ended = run_cli("run", "runapp:app", "--workers", "2")
    assert (2, True) == (ended.code, "STEADFAST_METRICS_PAHT" in ended.err)


def test_a_busy_port_is_said(served: Callable[..., Served], start_cli: Start) -> None:
    """By whoever finds it first; the command does not hang."""
    server = served("--drain", "0")
    port = server.url.rpartition(":")[2]
    second = start_cli("run", "runapp:app", "--port", port)
    output, errors = second.communicate(timeout=20)
    assert second.returncode in {1, 2, 3}
    assert "address already in use" in output + errors


FAILING = """\
from contextlib import asynccontextmanager
from fastapi import FastAPI
from steadfastapi import configure

@asynccontextmanager
async def lifespan(app):
    raise RuntimeError("no database")
    yield

app = FastAPI(lifespan=lifespan)
configure(app)
"""


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_application_that_does_not_start_ends_with_3(
    workplace: Path, start_cli: Start, workers: str
) -> None:
    """Whoever supervises the process must not take that for a success."""
    (workplace / "runfailing.py").write_text(FAILING)
    options = ["--port", "0", "--workers", workers]
    process = start_cli("run", "runfailing:app", *options)
    process.communicate(timeout=30)
    assert 3 == process.returncode


def test_an_import_that_ends_the_program_is_said(
    workplace: Path, run_cli: RunCli
) -> None:
    """Also where it leaves no last words."""
    (workplace / "runexit.py").write_text("import os\nos._exit(5)\n")
    ended = run_cli("run", "runexit:app")
    assert (2, True) == (ended.code, "status 5" in ended.err)

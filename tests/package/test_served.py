"""The wheel and a plain uvicorn serve an application with every default."""

from __future__ import annotations

import http.client
import re
import socket
import subprocess
import time
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from support._tcp import HOST
from support.package_wheel import INSTALLING, PINS, Environment, bare, uv
from support.scrape import Page

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.proof, pytest.mark.timeout(INSTALLING)]
PATIENCE = 40.0
"""Seconds to start on a busy machine."""


class Served:
    """Where the application answers, and what it wrote."""

    def __init__(self, port: int, log: Path) -> None:
        self.port = port
        self._log = log

    def text(self) -> str:
        """Return the output so far."""
        return self._log.read_text()

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], str]:
        """Return status, headers and body."""
        with closing(http.client.HTTPConnection(HOST, self.port, timeout=20)) as client:
            client.request("GET", path, headers=headers)
            response = client.getresponse()
            named = {name.lower(): value for name, value in response.getheaders()}
            return response.status, named, response.read().decode()


@contextmanager
def served(alone: Environment, place: Path) -> Iterator[Served]:
    """Serve `main:app`; uvicorn lies beside the environment, not in it."""
    beside = place / "beside"
    uv("pip", "install", "-q", "-c", PINS, "-p", alone.python, "-t", beside, "uvicorn")
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind((HOST, 0))
        port = held.getsockname()[1]
        log = place / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [alone.python, "-m", "uvicorn", "main:app", "--port", str(port)],
                cwd=place,
                env=bare({"PYTHONPATH": str(beside)}),
                stdout=output,
                stderr=output,
            )
        try:
            running = Served(port, log)
            ends = time.monotonic() + PATIENCE
            while "Application startup complete" not in running.text():
                assert process.poll() is None, running.text()
                assert time.monotonic() < ends, running.text()
                time.sleep(0.05)
            yield running
        finally:
            process.terminate()
            process.wait(20)


def test_every_default_works_without_an_extra(alone: Environment, place: Path) -> None:
    """Health, metrics, the contract, the console with its files, and the inbox."""
    with served(alone, place) as running:
        crash, headers, body = running.get("/crash")
        nowhere, _, _ = running.get("/nowhere")
        health, _, _ = running.get("/health")
        _, _, metrics = running.get("/metrics")
        refused, _, _ = running.get("/ops")
        link = re.search(r"/ops/login\?token=\w+", running.text())
        assert link is not None, running.text()
        _, cookie, _ = running.get(link[0])
        session = {"Cookie": cookie["set-cookie"].partition(";")[0]}
        overview, _, page = running.get("/ops", **session)
        files = {
            path: running.get(path, **session)[0]
            for path in re.findall(r"(?:href|src)=\"(/ops/static/[^\"]+)\"", page)
        }
        issues = issue_page(running, session)
        text = running.text()

    assert (500, '{"detail":"Internal server error"}') == (crash, body)
    assert 32 == len(headers["x-request-id"])
    assert (404, 200, 401, 200) == (nowhere, health, refused, overview)
    assert 1 == Page(metrics).total("http_requests_total", status="5xx")
    assert 3 <= len(files)
    assert {200} == set(files.values())
    assert "the wheels came off" in issues
    assert "steadfastapi.internal" not in text
    assert (place / "steadfast-inbox.db").exists()


def issue_page(running: Served, session: dict[str, str]) -> str:
    """Return the list of issues, once the background has written the crash."""
    ends = time.monotonic() + PATIENCE
    page = ""
    while "the wheels came off" not in page and time.monotonic() < ends:
        with suppress(OSError):
            _, _, page = running.get("/ops/issues", **session)
    return page

"""Trap HEALTH-4 and figure HC-5: a server that drains before it stops."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
DRAIN = 1.5
TURNED_WITHIN = 0.4
"""Seconds; HC-5 says 0.1, the rest is for a machine that is busy."""


class Served:
    """`steadfastapi run`, with the address that it prints."""

    def __init__(self, workers: int) -> None:
        env = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
        command = ["run", "apps.health_app:app", "--app-dir", str(TESTS)]
        options = ["--port", "0", "--drain", str(DRAIN), "--workers", str(workers)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "steadfastapi", *command, *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=env,
        )
        self.port = 0
        found = threading.Event()

        def read() -> None:
            for line in self.process.stdout or ():
                if address := re.search(r"http://127[.]0[.]0[.]1:([0-9]+)", line):
                    self.port = int(address[1])
                    found.set()

        self._reader = threading.Thread(target=read, daemon=True)
        self._reader.start()
        assert found.wait(30)

    def close(self) -> None:
        """End it, if it still runs, and what reads its output."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        self._reader.join(10)
        if self.process.stdout is not None:
            self.process.stdout.close()

    def get(self, path: str) -> tuple[int, object]:
        """Send a request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def wait_until_ready(self) -> None:
        """Wait for the first answer."""
        ends = time.monotonic() + 30
        while True:
            try:
                self.get("/health/ready")
            except OSError:
                assert time.monotonic() < ends
                time.sleep(0.05)
            else:
                return


@pytest.fixture(params=[1, 2])
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    """Serve with one worker, and with two."""
    server = Served(request.param)
    server.wait_until_ready()
    yield server
    server.close()


def test_health_4_hc_5_readiness_turns_first_and_nobody_is_refused(
    served: Served,
) -> None:
    """503 at once, requests served all through the drain, and an end in time."""
    signalled = time.monotonic()
    served.process.send_signal(signal.SIGTERM)
    late, codes = [], []
    while (asked := time.monotonic() - signalled) < DRAIN * 0.8:
        ready = served.get("/health/ready")
        if asked > TURNED_WITHIN:
            late.append(ready)
        codes += [served.get("/pid")[0], served.get("/health/live")[0]]
    code = served.process.wait(25)

    assert [(503, {"status": "draining"})] * len(late) == late
    assert late
    assert {200} == set(codes)
    assert 0 == code
    assert time.monotonic() - signalled <= 25

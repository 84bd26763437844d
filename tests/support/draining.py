"""`steadfastapi run` in processes of its own, which tests may tell to end."""

import contextlib
import http.client
import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Self

TESTS = Path(__file__).parents[1]


class Served:
    """`steadfastapi run`, with the address that it prints.

    Args:
        workers: Processes.
        drain: Seconds that it serves on after SIGTERM.
        app: The application, below `tests`.
        **env: Further environment variables.
    """

    def __init__(
        self,
        workers: int,
        drain: float,
        app: str = "apps.health_app:app",
        **env: str,
    ) -> None:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
        command = ["run", app, "--app-dir", str(TESTS)]
        command += ["--factory"] if app.endswith(":create") else []
        options = ["--port", "0", "--drain", str(drain), "--workers", str(workers)]
        self.workers = workers
        self.process = subprocess.Popen(
            [sys.executable, "-m", "steadfastapi", *command, *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=kept | env,
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
            # The supervisor alone would leave its workers behind.
            self.process.terminate()
        self.process.wait(25)
        self._reader.join(10)
        if self.process.stdout is not None:
            self.process.stdout.close()

    def get(self, path: str) -> tuple[int, object]:
        """Send a request on a connection of its own."""
        return self._ask(path)[0]

    def _ask(self, path: str) -> tuple[tuple[int, object], str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            worker = response.getheader("X-Worker", "")
            return (response.status, json.loads(response.read())), worker
        finally:
            connection.close()

    def hang(self, path: str) -> None:
        """Send a request that is not answered before the server ends."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            connection.request("GET", path)
            connection.getresponse().read()

    def change(self, path: str, method: str = "POST", key: str = "key") -> int:
        """Send an authenticated request without a body; returns its status."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, headers={"X-API-Key": key})
            return connection.getresponse().status
        finally:
            connection.close()

    def pids(self) -> set[int]:
        """Return the workers, once each of them has answered."""
        found: set[int] = set()
        ends = time.monotonic() + 20
        while len(found) < self.workers and time.monotonic() < ends:
            found.add(int(str(self.get("/pid")[1])))
        return found

    def everywhere(self, path: str, wanted: object, seconds: float = 20.0) -> float:
        """Return the seconds until every worker has answered that, and none otherwise.

        Connections are not spread evenly: on a busy machine one worker may take a
        hundred in a row. So each says who it is.
        """
        started = time.monotonic()
        turned: set[str] = set()
        while len(turned) < self.workers:
            answer, worker = self._ask(path)
            if answer == wanted:
                turned.add(worker)
                latest = time.monotonic() - started
            else:
                turned.discard(worker)
            assert time.monotonic() - started < seconds
        return latest

    def __enter__(self) -> Self:
        self.wait_until_ready()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

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

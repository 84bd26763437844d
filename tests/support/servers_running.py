"""Any of the servers in a process group of its own, with its output in a file."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from support._process_runner import Stopped, environment
from support._tcp import HOST

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from support.servers_catalog import Server

POLL = 0.02
PATIENCE = 30.0
"""Seconds for a server to start, or to do what a test awaits, on a busy machine."""


class Answer(NamedTuple):
    """One response."""

    status: int
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


class Running:
    """A server while the context lasts; what is left of it is killed at the end.

    Args:
        server: Which one.
        folder: Where its output goes; its working directory.
        **env: Environment variables.
    """

    def __init__(self, server: Server, folder: Path, **env: str) -> None:
        self.server = server
        self.host = HOST
        self.port = 0
        self._folder = folder
        self._env: Mapping[str, str] = env

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        # Bound but not listening, with both options, as the servers bind it too:
        # nobody else gets the port before they do.
        with socket.socket() as held:
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            held.bind((HOST, 0))
            self.port = held.getsockname()[1]
            with self._output.open("ab") as output:
                self._process = subprocess.Popen(
                    self.server.command(self.port),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env=environment(self._env),
                    cwd=self._folder,
                    start_new_session=True,
                )
            try:
                self.until(self._is_serving, "all workers serve")
            except BaseException:
                self.__exit__()
                raise
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    @property
    def _output(self) -> Path:
        return self._folder / "output"

    def text(self) -> str:
        """Return what was written so far."""
        return self._output.read_text(errors="backslashreplace")

    def events(self, event: str) -> list[dict[str, Any]]:
        """Return the JSON lines about an event."""
        found = []
        for line in self.text().split("\n"):
            with contextlib.suppress(ValueError):
                if (parsed := json.loads(line)).get("event") == event:
                    found.append(parsed)
        return found

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for something; the error shows what the server wrote."""
        ends = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > ends:
                raise TimeoutError(f"not after {PATIENCE} s: {what}\n{self.text()}")
            if self._process.poll() is not None:
                raise RuntimeError(f"it ended before: {what}\n{self.text()}")
            time.sleep(POLL)

    def _is_serving(self) -> bool:
        if len(self.events("lifespan began")) < self.server.workers:
            return False
        with contextlib.suppress(OSError):
            return self.get("/health/live").status == http.client.OK
        return False

    def connect(self) -> http.client.HTTPConnection:
        """Open a connection; the caller closes it."""
        return http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)

    def get(self, path: str, method: str = "GET", **headers: str) -> Answer:
        """Send a request on a connection of its own."""
        with contextlib.closing(self.connect()) as connection:
            return ask(connection, path, method, **headers)

    def stop(self) -> Stopped:
        """Send SIGTERM, as an orchestrator does, and wait for the end."""
        begin = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"still there after SIGTERM:\n{self.text()}") from None
        return Stopped(code, time.monotonic() - begin)


def ask(
    connection: http.client.HTTPConnection,
    path: str,
    method: str = "GET",
    **headers: str,
) -> Answer:
    """Send a request on a connection that stays."""
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    named = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, named, response.read())

"""A server of one binary, which answers over HTTP, with a directory of its own."""

import json
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from support._tcp import HOST

PATIENCE = 20.0
"""Seconds to start, and to wait for what a scrape or two will bring."""

POLL = 0.1
TRIES = 3
"""Ports that are tried: somebody else may take a free one before it is used."""

_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
"""A proxy from the environment cannot reach this machine's own sockets."""


class Daemon(ABC):
    """A process that serves HTTP, with a directory of its own."""

    def __init__(self, binary: str, files: Mapping[str, Any]) -> None:
        self._binary = binary
        self._files = files
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """The base URL, without a trailing slash."""
        return f"http://{HOST}:{self.port}"

    @abstractmethod
    def arguments(self, folder: Path) -> list[str]:
        """Return the command line, the port included."""

    def log(self) -> str:
        """Return what it wrote so far."""
        return (self.folder / "log").read_text(errors="replace")

    def get(self, path: str, **parameters: Any) -> Any:
        """Return the JSON that a path answers; an error of the API is a ValueError."""
        url = f"{self.url}{path}?{urllib.parse.urlencode(parameters, doseq=True)}"
        try:
            with _open(url, timeout=PATIENCE) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                text = error.read().decode(errors="replace")
            raise ValueError(f"{error.code} for {url}: {text}") from None

    def wait_for(
        self, condition: Callable[[], Any], what: str, timeout: float = PATIENCE
    ) -> Any:
        """Ask again and again until the answer is true, and return it.

        Args:
            condition: What is asked.
            what: What is awaited, for the error.
            timeout: Seconds until `TimeoutError`.
        """
        deadline = time.monotonic() + timeout
        while not (found := condition()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"no {what} within {timeout} s")
            time.sleep(POLL)
        return found

    def __enter__(self) -> Self:
        self._directory = tempfile.TemporaryDirectory()
        self.folder = Path(self._directory.name)
        for name, content in self._files.items():
            text = content if isinstance(content, str) else json.dumps(content)
            (self.folder / name).write_text(text)
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._kill()
        self._directory.cleanup()

    def _start(self) -> None:
        for _ in range(TRIES):
            with socket.create_server((HOST, 0)) as free:
                self.port = int(free.getsockname()[1])
            with (self.folder / "log").open("wb") as log:
                self._process = subprocess.Popen(
                    [self._binary, *self.arguments(self.folder)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self.folder,
                )
            if self._is_ready():
                return
            self._kill()
        raise RuntimeError(f"{self._binary} did not start: {self.log()}")

    def _is_ready(self) -> bool:
        """Wait until it answers; False when it ended instead."""
        assert self._process is not None
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                return False
            try:
                with _open(f"{self.url}/-/ready", timeout=1.0):
                    return True
            except OSError:
                time.sleep(POLL / 2)
        return False

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

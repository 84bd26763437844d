"""Redis servers for tests: the machine's, and ones of their own to hurt."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from redis import Redis

from support._tcp import HOST
from support.services import REDIS, find_redis, require

URL = os.environ.get("REDIS_URL") or f"redis://{REDIS[0]}:{REDIS[1]}/0"
"""The machine's Redis; read before tests take the variable away."""


@contextmanager
def namespace() -> Iterator[str]:
    """Yield a namespace of the machine's Redis; its keys are gone afterwards."""
    require("Redis on 127.0.0.1:6379", find_redis() or "REDIS_URL" in os.environ)
    name = f"test-{uuid.uuid4().hex}"
    try:
        yield name
    finally:
        with Redis.from_url(URL) as client:
            for key in client.scan_iter(f"steadfast:{name}:*", count=1_000):
                client.delete(key)


class OwnRedis:
    """A redis-server of the test's own on a free port, which it may freeze and kill."""

    def __init__(self) -> None:
        self.binary = require("redis-server", shutil.which("redis-server"))
        with socket.create_server((HOST, 0)) as free:
            self.port = int(free.getsockname()[1])
        self.url = f"redis://{HOST}:{self.port}/0"
        self._directory = tempfile.TemporaryDirectory()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = subprocess.Popen(
            [self.binary, "--port", str(self.port), "--save", "", "--bind", HOST],
            cwd=self._directory.name,
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 10
        while True:
            try:
                with Redis(port=self.port, socket_timeout=1) as client:
                    client.ping()
            except Exception:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
            else:
                return

    def freeze(self) -> None:
        """Let it accept and never answer."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once: its port refuses connections."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def client(self) -> Redis:
        """Return a client of it."""
        return Redis(port=self.port, socket_timeout=2)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._directory.cleanup()

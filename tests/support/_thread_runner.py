"""uvicorn in a thread of the test process."""

import asyncio
import os
import signal
import socket
import threading
import time
from typing import Any

import uvicorn

from support._process_runner import Stopped
from support._tcp import HOST, JOIN_TIMEOUT


class _Server(uvicorn.Server):
    """A server that tells when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.settled = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start as usual, then say so."""
        await super().startup(sockets=sockets)
        self.settled.set()


class ThreadRunner:
    """Run uvicorn in a thread of the test process."""

    def __init__(self, app: Any, options: dict[str, Any]) -> None:
        # Any loop but asyncio's would be installed for the whole test process by the
        # older supported uvicorn; a hanging connection must not hang the test.
        defaults: dict[str, Any] = {
            "loop": "asyncio",
            "timeout_graceful_shutdown": 3,
        }
        self._server = _Server(uvicorn.Config(app, **(defaults | options)))
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._error: BaseException | None = None
        self.port = 0
        self.pid = os.getpid()

    def start(self, timeout: float) -> None:
        """Bind a port and wait until the server is up."""
        self._socket = socket.socket()
        self._socket.bind((HOST, 0))
        self.port = self._socket.getsockname()[1]
        self._thread.start()
        settled = self._server.settled.wait(timeout)
        if not self._server.started:
            self.close()
            reason = "ended in startup" if settled else f"not up after {timeout} s"
            raise RuntimeError(f"uvicorn {reason}") from self._error

    def stop(self, sig: signal.Signals, timeout: float) -> Stopped:
        """End gracefully; threads get no signals."""
        if sig is signal.SIGKILL:
            raise ValueError("SIGKILL needs subprocess=True")
        begin = time.monotonic()
        self._server.should_exit = True
        self._thread.join(timeout)
        if self._thread.is_alive():
            raise TimeoutError(f"uvicorn still runs {timeout} s after {sig.name}")
        code = 0 if self._error is None else 1
        return Stopped(code, time.monotonic() - begin)

    def close(self) -> None:
        """End in any case."""
        self._server.should_exit = True
        self._thread.join(JOIN_TIMEOUT)
        self._server.force_exit = True
        self._thread.join(JOIN_TIMEOUT)
        self._socket.close()
        if self._thread.is_alive():
            raise RuntimeError("uvicorn did not stop")

    def output(self, stream: str) -> str:
        """Refuse: there is nothing of its own to read."""
        raise RuntimeError("a thread writes to the test's own streams: use capsys")

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._socket])
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            self._error = error
        finally:
            self._server.settled.set()

"""Uvicorn with a drain: SIGTERM turns readiness first and stops the server later.

Only uvicorn's own extension points are used, but one: its supervisor has no setting
for the kind of process that it starts.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer
from uvicorn import Config, Server
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import multiprocess

from steadfastapi._drain import drain
from steadfastapi.cli.ports import url

if TYPE_CHECKING:
    from collections.abc import Generator
    from socket import socket


class DrainingConfig(Config):
    """Uvicorn's settings, and how long SIGTERM is held back.

    Args:
        app: `module:attribute`.
        drain_seconds: How long the server goes on after SIGTERM.
        **settings: Uvicorn's own.
    """

    def __init__(self, app: str, *, drain_seconds: float, **settings: Any) -> None:
        super().__init__(app, **settings)
        self.drain_seconds = drain_seconds
        self.drain_flag: Any = None
        """Memory that the workers share: one that is told to drain tells all."""


class DrainingServer(Server):
    """Serves on while load balancers notice that it is about to end."""

    config: DrainingConfig

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Hold SIGTERM back, and end with status 0 after it: it was asked to."""
        if self.config.drain_flag is not None:
            drain.share(self.config.drain_flag)
        with super().capture_signals():
            put_back = drain.hold_back(self.config.drain_seconds)
            try:
                yield
            finally:
                put_back()
                self._captured_signals = [
                    number
                    for number in self._captured_signals
                    if number != signal.SIGTERM
                ]


class DrainingProcess(multiprocess.Process):
    """A worker process that drains."""

    config: DrainingConfig

    @property
    def server(self) -> Server:
        """The server that runs in the process."""
        if self._server is None:
            self._server = DrainingServer(self.config)
        return self._server


class Supervisor(multiprocess.Multiprocess):
    """Passes SIGTERM on at once; uvicorn's looks for signals twice a second.

    Args:
        config: Settings.
        sockets: What the workers listen on.
    """

    def __init__(self, config: DrainingConfig, sockets: list[socket]) -> None:
        # Without a lock, which a worker that is killed would keep.
        config.drain_flag = multiprocessing.get_context("spawn").RawValue("b", 0)
        super().__init__(config, sockets)
        multiprocess.Process = DrainingProcess  # type: ignore[misc]
        signal.signal(signal.SIGTERM, self._pass_on)

    def _pass_on(self, number: int, _frame: Any) -> None:
        for process in self.processes:
            if process.pid is not None and process.exitcode is None:
                os.kill(process.pid, number)
        # Uvicorn's loop sends it again; a worker that drains takes no notice.
        self.signal_queue.append(number)


def serve(config: DrainingConfig) -> int:
    """Serve until a signal; return the exit status."""
    if config.workers > 1:
        listener = config.bind_socket()
        # The supervisor never imports the application, so nothing formats its logs.
        address = url(config.host, listener.getsockname()[1])
        typer.echo(f"Serving {config.app} at {address}, {config.workers} workers.")
        supervisor = Supervisor(config, [listener])
        supervisor.run()
        ended = {process.exitcode for process in supervisor.processes}
        return STARTUP_FAILURE if STARTUP_FAILURE in ended else 0
    server = DrainingServer(config)
    try:
        server.run()
    except KeyboardInterrupt:
        return 130  # as shells say it: ended by Ctrl-C
    return 0 if server.started else STARTUP_FAILURE

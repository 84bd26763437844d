"""Serve the application by forked workers, replaced when they die.

What `gunicorn --preload` does, in small: the application is imported and configured
once, so that a new worker costs a fork instead of a start. Run as a module; the first
line of output is the port.
"""

import os
import signal
import socket
import sys

import uvicorn

from apps.metrics_app import app

WORKERS = 3


def start_worker(listener: socket.socket) -> None:
    """Fork a process that serves until it is killed."""
    if os.fork() == 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        config = uvicorn.Config(app, log_config=None, loop="asyncio")
        uvicorn.Server(config).run(sockets=[listener])
        os._exit(0)


def main() -> None:
    """Keep as many workers as there should be."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    for _ in range(WORKERS):
        start_worker(listener)
    while True:
        os.wait()
        start_worker(listener)


if __name__ == "__main__":
    main()

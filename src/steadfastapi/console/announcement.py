"""The one line that says where the console is, when the application starts."""

from __future__ import annotations

import os
import sys

HOST = "127.0.0.1"
PORT = 8_000
"""uvicorn's, and everybody's who reads its tutorial."""
_EVERYWHERE = ("", "0.0.0.0", "::")  # noqa: S104 - compared with, never bound to


def address() -> str:
    """Return where this server seems to listen, as its command line says."""
    # Gunicorn's and hypercorn's `--bind host:port`; of several, the first.
    bound = _option("--bind", "") or _option("-b", "")
    bound_host, _, bound_port = bound.rpartition(":")
    host = _option("--host", "UVICORN_HOST") or bound_host.strip("[]") or HOST
    port = _option("--port", "UVICORN_PORT") or bound_port or str(PORT)
    if not port.isdecimal():
        port = str(PORT)
    host = HOST if host in _EVERYWHERE else host
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def announce(link: str) -> None:
    """Print the link of the console to stderr.

    Not to the log: the link is a secret, which the log would mask, or ship.
    """
    sys.stderr.write(f"Console: {link}\n")
    sys.stderr.flush()


def _option(name: str, variable: str) -> str:
    arguments = sys.argv[1:]
    for position, argument in enumerate(arguments):
        key, mark, value = argument.partition("=")
        if key == name:
            following = arguments[position + 1 : position + 2]
            return value if mark else "".join(following)
    return os.environ.get(variable, "")

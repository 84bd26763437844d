"""Find a port that nobody uses."""

from __future__ import annotations

import errno
import os
import socket

ATTEMPTS = 100
LAST_PORT = 65_535


def free_port(host: str, wanted: int) -> int:
    """Return `wanted` if it is free, else the next port that is.

    Args:
        host: The address to listen on.
        wanted: The first port to try; 0 for any.

    Raises:
        OSError: The address is not ours, the port needs privileges, or none is free.
    """
    for port in range(wanted, min(wanted + ATTEMPTS, LAST_PORT + 1)):
        try:
            return _bind(host, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
    raise OSError(errno.EADDRINUSE, f"no free port from {wanted} on")


def _bind(host: str, port: int) -> int:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    with socket.socket(family, kind, protocol) as probe:
        if os.name == "posix":
            # As servers do: a port whose last connections linger is free. On Windows
            # the option would let two servers share the port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
        bound: int = probe.getsockname()[1]
        return bound


def url(host: str, port: int) -> str:
    """Return the address to open in a browser on this machine."""
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - read only
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"

"""One connection with one deadline, to an address that was checked."""

from __future__ import annotations

import io
import socket
import ssl
import threading
import time
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_ADDRESSES = 8
"""Addresses of a name that are tried."""


class Until:
    """One deadline for many waits.

    Args:
        seconds: From now.
    """

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    def left(self, shares: int = 1) -> float:
        """Return the seconds that are left for one of several.

        Raises:
            TimeoutError: None are.
        """
        left = self._at - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left / shares


def connected(
    host: str, port: int, check: Callable[[str], None], until: Until
) -> socket.socket:
    """Connect to an address of the host, all of which `check` lets pass.

    The name is resolved once, and the address that was checked is the one that is
    connected to: an answer that changes between two questions changes nothing. Where
    the connection ended is checked once more.

    Raises:
        OSError: No address was reached in time.
        Exception: What `check` raised.
    """
    found = _resolved(host, port, until)[:MAX_ADDRESSES]
    for _, address in found:
        check(address[0])
    failed: OSError = ConnectionError()
    for position, (family, address) in enumerate(found):
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            connection.settimeout(until.left(len(found) - position))
            connection.connect(address)
            check(connection.getpeername()[0])
        except OSError as error:
            connection.close()
            failed = error
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    raise failed


def _resolved(host: str, port: int, until: Until) -> list[tuple[Any, Any]]:
    """Ask for the addresses in a thread of its own: a resolver knows no deadline."""
    result: list[Any] = []

    def ask() -> None:
        try:
            result.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            result.append(error)

    thread = threading.Thread(target=ask, name="steadfastapi-resolve", daemon=True)
    thread.start()
    thread.join(until.left())
    if not result:
        raise TimeoutError
    if isinstance(result[0], Exception):
        raise result[0]
    return [(family, address) for family, _, _, _, address in result[0]]


@cache
def tls() -> ssl.SSLContext:
    """Return what trusts as the system does; read once, from `SSL_CERT_FILE` too."""
    return ssl.create_default_context()


class Wire(io.RawIOBase):
    """A connection with one deadline for all it does, and an end to what it reads.

    A socket's own timeout starts anew with each byte: one a second would do for ever.

    Args:
        connection: A connected socket; closed with the wire.
        until: The deadline.
        room: Bytes that are read at most; then it looks as if the peer had closed.
    """

    def __init__(self, connection: socket.socket, until: Until, room: int) -> None:
        super().__init__()
        self._socket = connection
        self._until = until
        self._room = room

    def secure(self, host: str) -> None:
        """Speak TLS from now on, with whom the certificate names."""
        self._socket.settimeout(self._until.left())
        self._socket = tls().wrap_socket(self._socket, server_hostname=host)

    def send(self, data: bytes) -> None:
        """Send all of `data`."""
        rest = memoryview(data)
        while rest:
            self._socket.settimeout(self._until.left())
            rest = rest[self._socket.send(rest) :]

    def makefile(self, mode: str) -> io.BufferedReader:  # noqa: ARG002
        """Return what a response is read from."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what is there, as long as time and room last."""
        self._socket.settimeout(self._until.left())
        view = memoryview(buffer)[: self._room]
        count = self._socket.recv_into(view) if view else 0
        self._room -= count
        return count

    def close(self) -> None:
        """Close the connection."""
        if not self.closed:
            super().close()
            self._socket.close()

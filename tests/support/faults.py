"""Backends that refuse, hang, dawdle or hang up."""

import contextlib
import itertools
import socket
from collections.abc import Iterator

from support._tcp import CHUNK, HOST, TcpService, reset

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
ENDLESS = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"


@contextlib.contextmanager
def refused_port() -> Iterator[int]:
    """Reserve a port that refuses every connection.

    Yields:
        The port: bound, so that nobody else gets it, but not listening.
    """
    with socket.socket() as held:
        held.bind((HOST, 0))
        yield held.getsockname()[1]


class BlackHole(TcpService):
    """Accept and read, but never answer."""

    def handle(self, connection: socket.socket) -> None:
        """Read until the client gives up."""
        while connection.recv(CHUNK):
            pass


class SlowServer(TcpService):
    """Answer every connection with HTTP 200, late.

    Args:
        delay: Seconds from the first bytes to the answer; 10 is the row of the outage
            matrix.
        port: Port to listen on; 0 takes a free one.
    """

    def __init__(self, delay: float = 10.0, port: int = 0) -> None:
        super().__init__(port)
        self.delay = delay

    def handle(self, connection: socket.socket) -> None:
        """Wait, answer, then drain, so that closing does not reset."""
        if connection.recv(CHUNK) and not self.stopping.wait(self.delay):
            connection.sendall(ANSWER)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(CHUNK):
                pass


class ResetServer(TcpService):
    """Reset every connection.

    Args:
        after_bytes: Bytes to read first: 0 resets on connect, more in mid-exchange.
        port: Port to listen on; 0 takes a free one.
    """

    def __init__(self, after_bytes: int = 0, port: int = 0) -> None:
        super().__init__(port)
        self.after_bytes = after_bytes

    def handle(self, connection: socket.socket) -> None:
        """Read the agreed number of bytes, then send RST."""
        missing = self.after_bytes
        while missing > 0 and (data := connection.recv(min(missing, CHUNK))):
            missing -= len(data)
        reset(connection)


class TrickleServer(TcpService):
    """Send an HTTP 200 one byte at a time, without end.

    Args:
        interval: Seconds between two bytes; 1 is the row of the outage matrix.
        port: Port to listen on; 0 takes a free one.
    """

    def __init__(self, interval: float = 1.0, port: int = 0) -> None:
        super().__init__(port)
        self.interval = interval

    def handle(self, connection: socket.socket) -> None:
        """Send until the client hangs up or the server stops."""
        for byte in itertools.chain(ENDLESS, itertools.repeat(ord(" "))):
            connection.sendall(bytes([byte]))
            if self.stopping.wait(self.interval):
                return

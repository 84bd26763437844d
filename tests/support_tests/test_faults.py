"""What the failing backends promise."""

import socket
import time

import pytest

from support.faults import (
    BlackHole,
    ResetServer,
    SlowServer,
    TrickleServer,
    refused_port,
)
from support.raw import parse_response, raw_request

REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def test_a_refused_port_refuses() -> None:
    """Connecting fails at once."""
    with refused_port() as port, pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 1)


def test_a_black_hole_accepts_and_never_answers() -> None:
    """The client runs into its own deadline."""
    with BlackHole() as fault:
        with pytest.raises(TimeoutError):
            raw_request(fault.host, fault.port, REQUEST, timeout=0.05)

        assert 1 == fault.connections


def test_a_slow_server_answers_after_its_delay() -> None:
    """The answer is complete, and late."""
    with SlowServer(delay=0.1) as fault:
        begin = time.monotonic()
        answer = parse_response(raw_request(fault.host, fault.port, REQUEST))

        assert (200, b"{}") == (answer.status, answer.body)
        assert time.monotonic() - begin >= 0.1


def spoken_with(fault: ResetServer, size: int) -> bytes:
    """Connect, send bytes, and return what comes."""
    # A server that resets on connect may be faster than the client's `connect`.
    with socket.create_connection((fault.host, fault.port), 5) as client:
        client.sendall(b"x" * size)
        return client.recv(1)


@pytest.mark.parametrize("after_bytes", [0, 10])
def test_a_reset_server_resets(after_bytes: int) -> None:
    """The client sees a reset, not an end of file."""
    with ResetServer(after_bytes) as fault, pytest.raises(ConnectionResetError):
        spoken_with(fault, after_bytes)


def test_a_trickle_comes_byte_by_byte() -> None:
    """Each read yields one byte of a response that never ends."""
    with (
        TrickleServer(interval=0.02) as fault,
        socket.create_connection((fault.host, fault.port), 5) as client,
    ):
        assert [b"H", b"T", b"T"] == [client.recv(100) for _ in range(3)]


def test_hanging_connections_do_not_delay_the_end() -> None:
    """Leaving the context takes no longer with clients connected."""
    with SlowServer(delay=60) as fault:
        client = socket.create_connection((fault.host, fault.port), 5)
        client.sendall(b"x")
        begin = time.monotonic()

    assert time.monotonic() - begin < 1
    client.close()

"""The fault proxy does to a connection what its methods say."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from support._tcp import CHUNK, HOST, TcpService
from support.proxy import FaultProxy


class Echo(TcpService):
    """Send everything back."""

    def handle(self, connection: socket.socket) -> None:
        """Echo until the client is done."""
        while data := connection.recv(CHUNK):
            connection.sendall(data)


@pytest.fixture
def proxy() -> Iterator[FaultProxy]:
    """A proxy in front of an echo."""
    with Echo() as echo, FaultProxy(HOST, echo.port) as proxy:
        yield proxy


@contextmanager
def connected(proxy: FaultProxy) -> Iterator[socket.socket]:
    """A client that gives up after a while."""
    with socket.create_connection((proxy.host, proxy.port), 5.0) as client:
        yield client


def said(client: socket.socket, data: bytes) -> bytes:
    """Send, and return as much of the echo."""
    client.sendall(data)
    return heard(client, len(data))


def heard(client: socket.socket, count: int) -> bytes:
    """Return that many bytes, or what came before the end."""
    answer = b""
    while len(answer) < count and (chunk := client.recv(count - len(answer))):
        answer += chunk
    return answer


def test_a_healthy_proxy_changes_nothing(proxy: FaultProxy) -> None:
    """Bytes arrive both ways and are counted; the end of one side is passed on."""
    with connected(proxy) as client:
        assert b"hello" == said(client, b"hello")
        client.shutdown(socket.SHUT_WR)
        assert b"" == client.recv(1)
    assert (1, {"up": 5, "down": 5}) == (proxy.connections, proxy.passed)


def test_refuse_and_heal_on_the_same_port(proxy: FaultProxy) -> None:
    """Open connections are reset, new ones refused, and after that all is well."""
    with connected(proxy) as client:
        assert b"x" == said(client, b"x")
        proxy.refuse()
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((proxy.host, proxy.port), 1.0)
    proxy.heal()
    with connected(proxy) as client:
        assert b"y" == said(client, b"y")


def test_a_black_hole_holds_old_and_new_connections(proxy: FaultProxy) -> None:
    """Nothing comes until it heals, and then everything."""
    with connected(proxy) as old:
        assert b"x" == said(old, b"x")
        proxy.black_hole()
        with connected(proxy) as new:
            for client in (old, new):
                client.sendall(b"late")
                client.settimeout(0.05)
                with pytest.raises(TimeoutError):
                    client.recv(1)
                client.settimeout(5.0)
            proxy.heal()
            assert [b"late", b"late"] == [heard(old, 4), heard(new, 4)]


def test_latency_delays_answers_until_it_heals(proxy: FaultProxy) -> None:
    """By the seconds given; healing releases what waits."""
    with connected(proxy) as client:
        proxy.latency(0.1)
        begin = time.monotonic()
        assert b"x" == said(client, b"x")
        assert 0.1 <= time.monotonic() - begin
        proxy.latency(60)
        client.sendall(b"y")
        proxy.heal()
        assert b"y" == heard(client, 1)


def test_trickle_delivers_byte_by_byte(proxy: FaultProxy) -> None:
    """With a pause after each."""
    with connected(proxy) as client:
        proxy.trickle(0.03)
        begin = time.monotonic()
        assert b"abc" == said(client, b"abc")
        assert 0.06 <= time.monotonic() - begin


def test_reset_hits_old_and_new_connections(proxy: FaultProxy) -> None:
    """With an RST, not an orderly end."""
    with connected(proxy) as client:
        assert b"x" == said(client, b"x")
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    with pytest.raises(ConnectionResetError), connected(proxy) as client:
        client.recv(1)


@pytest.mark.parametrize(("direction", "up"), [("up", 3), ("down", 6)])
def test_a_cut_delivers_the_bytes_before_it(
    proxy: FaultProxy, direction: str, up: int
) -> None:
    """Happens once: the next connection is well."""
    with connected(proxy) as client:
        proxy.cut_after(3, "up" if direction == "up" else "down")
        client.sendall(b"abcdef")
        if direction == "down":
            assert b"abc" == heard(client, 6)
        else:
            with pytest.raises(ConnectionResetError):
                client.recv(1)
        assert up == proxy.passed["up"]
    with connected(proxy) as client:
        assert b"whole" == said(client, b"whole")

"""What the raw-socket client promises."""

import pytest

from support.faults import ResetServer
from support.raw import disconnect_midway, parse_response, raw_request
from support.receiver import HttpReceiver


def test_a_kept_alive_response_ends_with_its_length() -> None:
    """Reading does not wait for the connection to close."""
    with HttpReceiver() as server:
        request = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n\x1b\xff"
        answer = parse_response(raw_request(server.host, server.port, request))

        assert (200, b"") == (answer.status, answer.body)
        assert b"\x1b\xff" == server.received[0].body


def test_a_reset_yields_what_there_was() -> None:
    """A server that hangs up without a word gives empty bytes."""
    with ResetServer() as server:
        assert b"" == raw_request(server.host, server.port, b"x" * 1_000_000)


def test_disconnecting_midway_reads_at_least_what_was_asked() -> None:
    """The start of the answer is returned."""
    with HttpReceiver() as server:
        request = b"POST / HTTP/1.1\r\n\r\n"

        assert disconnect_midway(server.host, server.port, request, 8).startswith(
            b"HTTP/1.1"
        )


@pytest.mark.parametrize(
    ("wire", "body", "rest"),
    [
        (b"Content-Length: 2\r\n\r\nokHTTP", b"ok", b"HTTP"),
        (b"Transfer-Encoding: chunked\r\n\r\n2;x\r\nok\r\n0\r\n\r\n+", b"ok", b"+"),
        (b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n5\r\nha", b"okha", b""),
        (b"Connection: close\r\n\r\nall of it", b"all of it", b""),
    ],
)
def test_bodies_are_unframed(wire: bytes, body: bytes, rest: bytes) -> None:
    """Every framing gives the body and what follows it."""
    head = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX-A: 1\r\nx-a:2\r\n"

    answer = parse_response(head + wire)

    assert (body, rest) == (answer.body, answer.rest)
    assert [(b"X-A", b"1"), (b"x-a", b"2")] == answer.headers[:2]
    assert [b"1", b"2"] == answer.values(b"X-a")

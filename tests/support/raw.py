"""HTTP over a bare socket, for bytes that no client library would send."""

import contextlib
import socket
import time
from dataclasses import dataclass

from support._tcp import CHUNK, reset

SWITCHING = 101
FINAL = 200
BODILESS = {SWITCHING, 204, 304}


@dataclass(frozen=True)
class RawResponse:
    """One response as it crossed the wire."""

    status: int
    headers: list[tuple[bytes, bytes]]
    """Order, case and duplicates as sent."""
    body: bytes
    """Without chunk framing."""
    rest: bytes = b""
    """What followed on the connection."""

    def values(self, name: bytes) -> list[bytes]:
        """Return every value of a header.

        Args:
            name: The name, in any case.
        """
        return [value for key, value in self.headers if key.lower() == name.lower()]


def raw_request(host: str, port: int, data: bytes, timeout: float = 5.0) -> bytes:
    """Send bytes and read one response.

    Args:
        host: The server's address.
        port: The server's port.
        data: What to send, unchecked.
        timeout: Seconds for the whole exchange until `TimeoutError`.

    Returns:
        The bytes up to the end of the response or of the connection; empty if the
        server closed or reset without a word.
    """
    deadline = time.monotonic() + timeout
    method = data.partition(b" ")[0]
    answer = b""
    try:
        connection = socket.create_connection((host, port), timeout)
    except ConnectionResetError:
        return answer  # It took the connection and reset it at once.
    with connection:
        # A server may answer and hang up before it has read everything.
        with contextlib.suppress(ConnectionError):
            connection.sendall(data)
        with contextlib.suppress(ConnectionError):
            while not _complete(answer, method):
                connection.settimeout(max(deadline - time.monotonic(), 0.001))
                if not (more := connection.recv(CHUNK)):
                    break
                answer += more
    return answer


def disconnect_midway(
    host: str, port: int, data: bytes, read_bytes: int = 0, timeout: float = 5.0
) -> bytes:
    """Send bytes, read some of the answer, then reset the connection.

    Args:
        host: The server's address.
        port: The server's port.
        data: What to send, unchecked.
        read_bytes: How many bytes to wait for; 0 hangs up straight after sending.
        timeout: Seconds per read until `TimeoutError`.

    Returns:
        The bytes read, at least `read_bytes` unless the server closed first.
    """
    connection = socket.create_connection((host, port), timeout)
    answer = b""
    try:
        connection.sendall(data)
        while len(answer) < read_bytes and (more := connection.recv(CHUNK)):
            answer += more
    finally:
        reset(connection)
    return answer


def parse_response(data: bytes) -> RawResponse:
    """Parse the first final response; interim ones (1xx) are skipped.

    Args:
        data: Bytes as `raw_request` returns them.

    Returns:
        The response; of an unfinished body, as much as there is.
    """
    parsed = _parse(data)
    if parsed is None:
        raise ValueError(f"no complete response head: {data[:200]!r}")
    return parsed[0]


def _parse(data: bytes, method: bytes = b"") -> tuple[RawResponse, bool] | None:
    """Return the first final response and whether it is complete."""
    head, end, body = data.partition(b"\r\n\r\n")
    if not end:
        return None
    first, *lines = head.split(b"\r\n")
    pairs = [line.partition(b":") for line in lines]
    headers = [(name, value.strip(b" \t")) for name, _, value in pairs]
    status = int(first.split(b" ")[1])
    if status < FINAL and status != SWITCHING:
        return _parse(body, method)
    response = RawResponse(status, headers, body)
    if method == b"HEAD" or status in BODILESS:
        return RawResponse(status, headers, b"", body), True
    if b"chunked" in response.values(b"transfer-encoding"):
        body, rest, complete = _dechunk(body)
        return RawResponse(status, headers, body, rest), complete
    if length := response.values(b"content-length"):
        size = int(length[0])
        complete = len(body) >= size
        return RawResponse(status, headers, body[:size], body[size:]), complete
    return response, False


def _dechunk(data: bytes) -> tuple[bytes, bytes, bool]:
    """Return the body so far, what follows it, and whether it is complete."""
    body = b""
    while True:
        line, end, data = data.partition(b"\r\n")
        if not end:
            return body, b"", False
        size = int(line.partition(b";")[0], 16)
        if size == 0:
            _, end, rest = (b"\r\n" + data).partition(b"\r\n\r\n")
            return body, rest, bool(end)
        body += data[:size]
        if len(data) < size + len(b"\r\n"):
            return body, b"", False
        data = data[size + len(b"\r\n") :]


def _complete(data: bytes, method: bytes) -> bool:
    parsed = _parse(data, method)
    return parsed is not None and parsed[1]

"""A scripted HTTP server that remembers what it was sent."""

import gzip
import socket
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import parse_headers, responses
from typing import BinaryIO

from support._tcp import TcpService

REFUSED = 400
NOT_FOUND = 404


@dataclass(frozen=True)
class ReceivedRequest:
    """One request and how it was answered."""

    method: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    """After decompression."""
    status: int | None
    """`None` where the connection was closed without an answer."""
    at: float
    """Arrival on the monotonic clock."""


@dataclass(frozen=True)
class _Answer:
    status: int | None = 200
    headers: tuple[tuple[str, str], ...] = ()


class HttpReceiver(TcpService):
    """Accept HTTP requests, keep-alive and compressed ones too.

    Args:
        port: Port to listen on. 0, the default, takes a free one; the port of a fault
            that has ended repairs it in place.
    """

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self._changed = threading.Condition()
        self._received: list[ReceivedRequest] = []
        self._script: deque[_Answer] = deque()
        self._default = _Answer()

    @property
    def endpoint(self) -> str:
        """The base URL, without a trailing slash."""
        return f"http://{self.host}:{self.port}"

    @property
    def received(self) -> list[ReceivedRequest]:
        """Every request so far, refused ones included, in order of arrival."""
        with self._changed:
            return list(self._received)

    @property
    def requests(self) -> int:
        """How many requests arrived, refused ones included."""
        return len(self.received)

    def respond_with(
        self,
        status: int | None,
        headers: Mapping[str, str] | None = None,
        *,
        times: int | None = None,
    ) -> None:
        """Script the answers to come.

        Args:
            status: Status code; `None` takes the delivery but closes the connection
                instead of answering.
            headers: Additional headers, such as `Retry-After`.
            times: How many answers; `None` means until further notice. Limited ones
                queue up and come first.
        """
        answer = _Answer(status, tuple((headers or {}).items()))
        with self._changed:
            if times is None:
                self._default = answer
            else:
                self._script.extend([answer] * times)

    def wait_for_requests(self, n: int, timeout: float = 5.0) -> list[ReceivedRequest]:
        """Wait until `n` requests arrived, refused ones included.

        Args:
            n: The least number.
            timeout: Seconds until `TimeoutError`.

        Returns:
            Every request so far.
        """
        self._wait(lambda: len(self._received), n, timeout)
        return self.received

    def raw(self) -> str:
        """Join everything received, headers included, for a scan.

        Returns:
            The decompressed text; bytes that are not UTF-8 are escaped.
        """
        parts = []
        for request in self.received:
            head = [f"{request.method} {request.path}"]
            head += [f"{name}: {value}" for name, value in request.headers.items()]
            parts.append("\n".join(head).encode() + b"\n\n" + request.body)
        return b"\n".join(parts).decode(errors="backslashreplace")

    def collect(self, path: str, body: bytes) -> bool:
        """Take one delivery; called for every POST that is not refused.

        Args:
            path: The request target.
            body: The decompressed body.

        Returns:
            Whether the path is served here; otherwise the answer is 404.
        """
        return True

    def handle(self, connection: socket.socket) -> None:
        """Serve requests until the client closes or a scripted close."""
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection.makefile("rb") as stream:
            while (answer := self._exchange(stream)) and answer.status is not None:
                reason = responses.get(answer.status, "Scripted")
                lines = [f"HTTP/1.1 {answer.status} {reason}"]
                lines += [f"{name}: {value}" for name, value in answer.headers]
                lines += ["Content-Length: 0", "", ""]
                connection.sendall("\r\n".join(lines).encode("latin-1"))

    def _exchange(self, stream: BinaryIO) -> _Answer | None:
        at = time.monotonic()
        line = stream.readline().decode("latin-1").split()
        if not line:
            return None
        headers = {k.lower(): v for k, v in parse_headers(stream).items()}
        size = int(headers.get("content-length", 0))
        body = stream.read(size)
        if len(body) < size:
            return None
        body = _decompressed(body, headers.get("content-encoding", ""))
        with self._changed:
            answer = self._script.popleft() if self._script else self._default
            delivered = answer.status is None or answer.status < REFUSED
            if delivered and not (line[0] == "POST" and self.collect(line[1], body)):
                answer = _Answer(NOT_FOUND)
            self._received.append(
                ReceivedRequest(line[0], line[1], headers, body, answer.status, at)
            )
            self._changed.notify_all()
        return answer

    def _wait(self, count: Callable[[], int], n: int, timeout: float) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: count() >= n, timeout):
                raise TimeoutError(f"{count()} of {n} arrived within {timeout} s")


def _decompressed(body: bytes, encoding: str) -> bytes:
    if encoding == "gzip":
        return gzip.decompress(body)
    if encoding == "deflate":
        return zlib.decompress(body)
    return body

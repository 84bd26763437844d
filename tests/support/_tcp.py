"""A TCP service whose sockets and threads end with its context."""

import contextlib
import socket
import struct
import threading
from types import TracebackType
from typing import Self

HOST = "127.0.0.1"
CHUNK = 65_536
JOIN_TIMEOUT = 5.0


def reset(connection: socket.socket) -> None:
    """Close a connection with RST instead of FIN.

    Args:
        connection: The socket; no `makefile` of it may still be open.
    """
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class TcpService:
    """Serve every connection to 127.0.0.1 in a thread of its own.

    Args:
        port: Port to listen on. 0, the default, takes a free one; the port of a fault
            that has ended repairs it in place.
    """

    def __init__(self, port: int = 0) -> None:
        self.host = HOST
        self.port = port
        self.connections = 0
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._open: dict[threading.Thread, socket.socket] = {}
        self._acceptor = threading.Thread(target=self._accept, daemon=True)

    def handle(self, connection: socket.socket) -> None:
        """Serve one connection; an `OSError` ends it quietly.

        Args:
            connection: The accepted socket, closed afterwards.
        """
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._listener = socket.create_server((self.host, self.port), backlog=128)
        self.port = self._listener.getsockname()[1]
        self._acceptor.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stopping.set()
        # Closing a listener does not wake a blocked accept; a connection does.
        with (
            contextlib.suppress(OSError),
            socket.create_connection((self.host, self.port), JOIN_TIMEOUT),
        ):
            self._acceptor.join(JOIN_TIMEOUT)
        self._listener.close()
        with self._lock:
            open_now = dict(self._open)
        for connection in open_now.values():
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in (self._acceptor, *open_now):
            thread.join(JOIN_TIMEOUT)
            if thread.is_alive():
                raise RuntimeError(f"{type(self).__name__} did not stop: {thread}")

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with self._lock:
                if self.stopping.is_set():
                    connection.close()
                    return
                self.connections += 1
                thread = threading.Thread(
                    target=self._serve, args=(connection,), daemon=True
                )
                self._open[thread] = connection
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, contextlib.suppress(OSError):
                self.handle(connection)
        finally:
            with self._lock:
                del self._open[threading.current_thread()]

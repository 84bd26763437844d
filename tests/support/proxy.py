"""A TCP proxy that misbehaves on request, in front of a real server.

    with FaultProxy("127.0.0.1", 6379) as proxy:
        client = Redis(host=proxy.host, port=proxy.port)
        proxy.black_hole()
        ...
        proxy.heal()

It runs in threads, so it serves sync and async tests alike, and goes on while an event
loop is blocked. A fault holds for connections that are open and for new ones, until
`heal` or another fault takes its place.
"""

import contextlib
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

from support._tcp import CHUNK, HOST, JOIN_TIMEOUT, reset

Direction = Literal["up", "down"]
Mode = Literal["pass", "black_hole", "latency", "trickle", "reset", "refuse"]


@dataclass(frozen=True, slots=True)
class _Fault:
    """What happens to traffic, and how many seconds it takes."""

    mode: Mode = "pass"
    seconds: float = 0.0


class FaultProxy:
    """Pass every connection to 127.0.0.1 on to a server, as well as told.

    Args:
        target_host: Address of the real server.
        target_port: Its port.
    """

    def __init__(self, target_host: str, target_port: int) -> None:
        self.host = HOST
        self.port = 0
        self.connections = 0
        """Connections that were accepted so far."""
        self.passed: dict[Direction, int] = {"up": 0, "down": 0}
        """Bytes that came through: `up` to the server, `down` to the client."""
        self._target = (target_host, target_port)
        self._fault = _Fault()
        self._cut: tuple[Direction, int] | None = None
        self._stopping = False
        self._changed = threading.Condition()
        self._links: dict[socket.socket, socket.socket | None] = {}
        self._threads: set[threading.Thread] = set()
        self._listener: socket.socket | None = None

    def refuse(self) -> None:
        """Refuse new connections, and reset the open ones."""
        self._become(_Fault("refuse"))
        self._close_listener()
        self.drop()

    def black_hole(self) -> None:
        """Deliver nothing, close nothing; `heal` delivers what was held."""
        self._become(_Fault("black_hole"))

    def latency(self, seconds: float) -> None:
        """Deliver whatever the server sends later by `seconds`."""
        self._become(_Fault("latency", seconds))

    def trickle(self, seconds: float) -> None:
        """Deliver what the server sends byte by byte, `seconds` apart."""
        self._become(_Fault("trickle", seconds))

    def reset(self) -> None:
        """Reset the open connections, and new ones as soon as they are accepted."""
        self._become(_Fault("reset"))
        self.drop()

    def heal(self) -> None:
        """Pass everything on again; forget a cut that has not happened."""
        self._cut = None
        self._become(_Fault())

    def cut_after(self, count: int, direction: Direction) -> None:
        """End the connection that carries the `count`-th byte from now on, once.

        That byte and all before it are delivered, with the end of the connection
        behind them; the sender's side is reset. Connections made afterwards are well.

        Args:
            count: Bytes, over all connections; 0 cuts at the next byte, undelivered.
            direction: `up` counts what clients send, `down` what the server answers.
        """
        with self._changed:
            self._cut = (direction, self.passed[direction] + count)

    def drop(self) -> None:
        """Reset the connections that are open, whatever the fault."""
        with self._changed:
            links = dict(self._links)
            self._links.clear()
        for client, server in links.items():
            _abort(client)
            if server is not None:
                _abort(server)

    def __enter__(self) -> Self:
        # Bound for as long as the proxy lives: while it refuses nobody takes the port.
        self._reserved = _bound(0)
        self.port = self._reserved.getsockname()[1]
        self._become(_Fault())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._close_listener()
        self.drop()
        self._reserved.close()
        for thread in tuple(self._threads):
            thread.join(JOIN_TIMEOUT)
            if thread.is_alive():
                raise RuntimeError(f"FaultProxy did not stop: {thread}")

    def _become(self, fault: _Fault) -> None:
        with self._changed:
            self._fault = fault
            self._changed.notify_all()
        if fault.mode != "refuse" and self._listener is None:
            self._listener = _bound(self.port)
            self._listener.listen(128)
            self._run(self._accept, self._listener)

    def _close_listener(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            # Wakes the blocked accept, and refuses from this moment on.
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    def _run(self, target: Callable[..., None], *args: object) -> threading.Thread:
        def run() -> None:
            try:
                target(*args)
            finally:
                with self._changed:
                    self._threads.discard(threading.current_thread())

        thread = threading.Thread(target=run, daemon=True)
        with self._changed:
            self._threads.add(thread)
            thread.start()
        return thread

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                with self._changed:
                    self.connections += 1
                    self._links[client] = None
                self._run(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        try:
            if self._passes() and self._fault.mode != "reset":
                with socket.create_connection(self._target, JOIN_TIMEOUT) as server:
                    self._join(client, server)
                client.close()
        except OSError:
            pass  # nobody is there any more, or nobody there yet
        finally:
            _abort(client)
            with self._changed:
                self._links.pop(client, None)

    def _join(self, client: socket.socket, server: socket.socket) -> None:
        """Carry both directions until both have ended."""
        server.settimeout(None)
        for end in (server, client):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._changed:
            self._links[client] = server
        answers = self._run(self._pump, server, client, "down")
        self._pump(client, server, "up")
        answers.join()

    def _pump(
        self, source: socket.socket, sink: socket.socket, direction: Direction
    ) -> None:
        """Carry one direction until either side ends it."""
        client = source if direction == "up" else sink
        try:
            while data := source.recv(CHUNK):
                if not self._passes() or client not in self._links:
                    return  # the proxy stops, or the connection was cut
                data, cut = self._until_cut(data, client, direction)
                self._deliver(data, sink, direction)
                if cut:
                    # An RST could overtake what was just delivered; a FIN cannot.
                    sink.shutdown(socket.SHUT_WR)
                    _abort(source)
                    return
            if self._passes() and client in self._links:  # and not being dropped
                sink.shutdown(socket.SHUT_WR)
        except OSError:
            # One side was reset: so is the other.
            _abort(source)
            _abort(sink)

    def _until_cut(
        self, data: bytes, client: socket.socket, direction: Direction
    ) -> tuple[bytes, bool]:
        """Return what of `data` is still delivered, and whether that was the last."""
        with self._changed:
            keep, cut = len(data), False
            if self._cut is not None and self._cut[0] == direction:
                left = self._cut[1] - self.passed[direction]
                if left <= len(data):
                    keep, cut, self._cut = left, True, None
                    self._links.pop(client, None)  # and no answer comes back
            self.passed[direction] += keep
        return data[:keep], cut

    def _deliver(self, data: bytes, sink: socket.socket, direction: Direction) -> None:
        """Send `data` as the fault has it."""
        if direction == "down" and self._fault.mode == "trickle":
            for byte in data:
                sink.sendall(bytes([byte]))
                self._pause("trickle")
            return
        if direction == "down" and self._fault.mode == "latency":
            self._pause("latency")
        sink.sendall(data)

    def _pause(self, mode: Mode) -> None:
        """Wait as long as the fault says, or until it is over."""
        fault = self._fault
        with self._changed:
            self._changed.wait_for(
                lambda: self._stopping or self._fault.mode != mode, fault.seconds
            )

    def _passes(self) -> bool:
        """Wait while the hole is black; False when the proxy stops."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._stopping or self._fault.mode != "black_hole"
            )
            return not self._stopping


def _bound(port: int) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.bind((HOST, port))
    return bound


def _abort(connection: socket.socket) -> None:
    """End a connection with RST; other threads may be reading from it."""
    with contextlib.suppress(OSError):
        # Wakes them; the RST leaves when the last of them lets go.
        connection.shutdown(socket.SHUT_RD)
    with contextlib.suppress(OSError):
        reset(connection)

"""A fault proxy whose black hole never gives back what fell in.

`FaultProxy.black_hole` is a server that was frozen and goes on: what it was sent waits
for it. This one is a machine that was lost and replaced: whoever has a connection to
the old one waits in vain, also after the repair, until its own patience ends.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from support._tcp import CHUNK, reset
from support.proxy import Direction, FaultProxy, _Fault

if TYPE_CHECKING:
    import socket

POLL = 0.1
"""Seconds between two looks whether a silent connection may end."""


class LossyProxy(FaultProxy):
    """A fault proxy with one more fault.

    Args:
        target_host: Address of the real server.
        target_port: Its port.
    """

    def __init__(self, target_host: str, target_port: int) -> None:
        super().__init__(target_host, target_port)
        self._lost: set[socket.socket] = set()

    def swallow(self) -> None:
        """Accept, and answer neither open nor new connections, ever."""
        self._become(_Fault("black_hole"))

    def lead_to(self, host: str, port: int) -> None:
        """Let connections lead to another server from now on; drops the open ones."""
        self._target = (host, port)
        self.drop()

    def heal(self) -> None:
        """Serve new connections; those of a black hole stay silent."""
        with self._changed:
            if self._fault.mode == "black_hole":
                self._lost |= self._links.keys()
        super().heal()

    def drop(self) -> None:
        """Reset the connections that are open, the lost ones too."""
        with self._changed:
            self._lost.clear()
            self._changed.notify_all()
        super().drop()

    def _serve(self, client: socket.socket) -> None:
        if self._passes() and client in self._lost:
            self._be_silent(client)
            with contextlib.suppress(OSError):
                reset(client)
            with self._changed:
                self._links.pop(client, None)
            return
        super()._serve(client)

    def _deliver(self, data: bytes, sink: socket.socket, direction: Direction) -> None:
        client = self._client_of(sink)
        if client in self._lost:
            self._be_silent(client)
            raise ConnectionAbortedError  # what was to be delivered never is
        super()._deliver(data, sink, direction)

    def _client_of(self, end: socket.socket) -> socket.socket:
        """Return the client of a link by either end."""
        with self._changed:
            for client, server in self._links.items():
                if server is end:
                    return client
        return end

    def _be_silent(self, client: socket.socket) -> None:
        """Wait until the client gives up, or everything is dropped."""
        client.settimeout(POLL)
        while client in self._lost and not self._stopping:
            try:
                if not client.recv(CHUNK):
                    return
            except TimeoutError:
                continue
            except OSError:
                return

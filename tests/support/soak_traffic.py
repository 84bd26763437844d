"""Requests of all kinds, side by side, as many as are asked for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from websockets.asyncio.client import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.server import LiveServer

CLIENTS = 8
ROUND = (
    *(f"GET /items/{number}" for number in range(8)),
    "GET /sync/1",
    "POST /orders",
    "POST /orders",
    "GET /crash/{n}",
    "GET /nowhere/{n}",
    "GET /items/none",
    "GET /conflict",
    "GET /limited",
    "GET /stream",
    "LEAVE /stream",
    "WEBSOCKET /socket",
    "DELETE /items/1",
)
"""Twenty requests; what crashes, is unmatched, invalid, refused, left, or a socket."""
BODY = b"x" * 200


async def visit(server: LiveServer, count: int) -> dict[str, int]:
    """Send `count` requests; returns how many had which status.

    Args:
        server: Who is asked.
        count: How many; connections are kept open as long as the server lets them.
    """
    numbers = iter(range(count))
    seen: dict[str, int] = {}
    async with asyncio.TaskGroup() as group:
        for _ in range(CLIENTS):
            group.create_task(_be_client(server, numbers, seen))
    return seen


async def _be_client(
    server: LiveServer, numbers: Iterator[int], seen: dict[str, int]
) -> None:
    connection = _Connection(server)
    try:
        for number in numbers:
            method, _, path = ROUND[number % len(ROUND)].partition(" ")
            path = path.replace("{n}", str(number))
            if method == "WEBSOCKET":
                status = await _chat(server, path)
            elif method == "LEAVE":
                status = await _leave(server, path)
            else:
                status = await connection.ask(method, path)
            seen[status] = seen.get(status, 0) + 1
    finally:
        connection.close()


async def crowd(server: LiveServer, path: str) -> None:
    """Let every client ask at one time: the most threads that there will be."""
    connections = [_Connection(server) for _ in range(CLIENTS)]
    await asyncio.gather(*(one.ask("GET", path) for one in connections))
    for one in connections:
        one.close()


class _Connection:
    """One that is used again and again.

    Args:
        server: Where it leads.
    """

    def __init__(self, server: LiveServer) -> None:
        self._server = server
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, method: str, path: str) -> str:
        """Send a request, read the answer; returns its status."""
        if self._writer is None or self._writer.is_closing():
            self._reader, self._writer = await asyncio.open_connection(
                self._server.host, self._server.port
            )
        assert self._reader is not None
        body = BODY if method == "POST" else b""
        head = f"{method} {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}"
        self._writer.write(f"{head}\r\n\r\n".encode() + body)
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        headers = dict(
            line.lower().split(": ", 1) for line in lines.splitlines()[1:] if line
        )
        if headers.get("transfer-encoding") == "chunked":
            await self._reader.readuntil(b"0\r\n\r\n")
        else:
            await self._reader.readexactly(int(headers.get("content-length", 0)))
        if headers.get("connection") == "close":
            self.close()
        return lines.split(" ", 2)[1]

    def close(self) -> None:
        """Hang up."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


async def _leave(server: LiveServer, path: str) -> str:
    """Ask for a stream, and go away after the first piece."""
    reader, writer = await asyncio.open_connection(server.host, server.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    await reader.readuntil(b"piece")
    writer.transport.abort()
    return "left"


async def _chat(server: LiveServer, path: str) -> str:
    """Say something to a socket, and hear it."""
    url = f"ws://{server.host}:{server.port}{path}"
    async with connect(url, proxy=None, compression=None, open_timeout=60) as websocket:
        await websocket.send("hello")
        return str(await websocket.recv())

"""A PostgreSQL database of one's own, and what can happen to it.

The server is shared with other tests: nothing here stops or stalls it.
"""

import contextlib
import os
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any, LiteralString
from uuid import uuid4

import psycopg
from sqlalchemy import URL, make_url

from support._tcp import CHUNK, TcpService
from support.services import find_postgres, require

SERVER = os.environ.get("DATABASE_URL", "postgresql://root@127.0.0.1:5432/test")
"""Read at import: tests see no settings of this machine."""


def server_url() -> URL:
    """Return the address of the server; skip without one."""
    require("PostgreSQL", find_postgres())
    return make_url(SERVER).set(drivername="postgresql")


class Admin:
    """A connection of the test's own, outside of what is tested.

    Args:
        url: Of the database.
    """

    def __init__(self, url: URL) -> None:
        self.connection = psycopg.connect(
            url.render_as_string(hide_password=False), autocommit=True
        )

    def run(self, statement: LiteralString, *values: Any) -> Any:
        """Execute a statement and return the first column of its first row, if any."""
        cursor = self.connection.execute(statement, values)
        row = cursor.fetchone() if cursor.description else None
        return None if row is None else row[0]

    def terminate(self, pid: int) -> None:
        """Terminate a backend, and wait until it is gone."""
        self.run("SELECT pg_terminate_backend(%s, 5000)", pid)

    def terminate_when_sleeping(self, pid: int) -> threading.Thread:
        """Terminate a backend as soon as it runs `pg_sleep`, in a thread."""

        def wait() -> None:
            query: LiteralString = (
                "SELECT count(*) FROM pg_stat_activity WHERE pid = %s "
                "AND state = 'active' AND wait_event = 'PgSleep'"
            )
            with contextlib.closing(
                psycopg.connect(self.address, autocommit=True)
            ) as c:
                for _ in range(1_000):
                    row = c.execute(query, (pid,)).fetchone()
                    if row is not None and row[0]:
                        break
                    c.execute("SELECT pg_sleep(0.005)")
                c.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))

        thread = threading.Thread(target=wait)
        thread.start()
        return thread

    @property
    def address(self) -> str:
        """Connection string of the database."""
        return str(self.connection.info.dsn)


@contextlib.contextmanager
def database() -> Iterator[tuple[URL, Admin]]:
    """Create a database, and drop it afterwards with whatever is connected to it."""
    url = server_url()
    name = f"retry_{uuid4().hex}"
    server = Admin(url)
    server.connection.execute(f"CREATE DATABASE {name}".encode())
    try:
        admin = Admin(url.set(database=name))
        try:
            admin.run(
                "CREATE TABLE effects (id text PRIMARY KEY, n int NOT NULL DEFAULT 0)"
            )
            yield url.set(database=name), admin
        finally:
            admin.connection.close()
    finally:
        server.connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
        server.connection.close()


@contextlib.contextmanager
def role(admin: Admin, options: str) -> Iterator[str]:
    """Create a role for as long as the test lasts."""
    name = f"role_{uuid4().hex}"
    admin.connection.execute(f"CREATE ROLE {name} LOGIN {options}".encode())
    try:
        yield name
    finally:
        admin.connection.execute(f"DROP ROLE {name}".encode())


class Unready(TcpService):
    """A PostgreSQL server that turns everybody away.

    Args:
        sqlstate: Its reason, as a code.
        message: And in words.
    """

    def __init__(self, sqlstate: str, message: str) -> None:
        super().__init__()
        fields = {"S": "FATAL", "V": "FATAL", "C": sqlstate, "M": message}
        body = b"".join(f"{k}{v}\0".encode() for k, v in fields.items()) + b"\0"
        self._error = b"E" + struct.pack("!i", len(body) + 4) + body

    def handle(self, connection: socket.socket) -> None:
        """Decline encryption, and then the connection."""
        while data := connection.recv(CHUNK):
            if data[4:8] in (b"\x04\xd2\x16\x2f", b"\x04\xd2\x16\x30"):
                connection.sendall(b"N")  # SSLRequest, GSSENCRequest
            else:
                connection.sendall(self._error)
                return

"""PostgreSQL and MariaDB servers of a test's own, which it may freeze and kill."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Self

from support._tcp import HOST
from support.services import require

PATIENCE = 60.0


class OwnServer(ABC):
    """A database server on a free port, as the user that it insists on.

    Args:
        user: Whose process it is, where the tests run as root.
    """

    def __init__(self, user: str) -> None:
        names = {one.pw_name for one in pwd.getpwall()}
        self._user = user if os.geteuid() == 0 and user in names else None
        with socket.create_server((HOST, 0)) as free:
            self.port = int(free.getsockname()[1])
        self._directory = tempfile.TemporaryDirectory()
        self.folder = Path(self._directory.name, "data")
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def create(self) -> list[str]:
        """Return the command that makes the data directory."""

    @abstractmethod
    def serve(self) -> list[str]:
        """Return the command that serves it."""

    def start(self) -> None:
        """Start it, and wait until its port is open."""
        self._process = subprocess.Popen(
            self.serve(),
            user=self._user,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        ends = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection((HOST, self.port), 1).close()
            except OSError:
                assert time.monotonic() < ends
                time.sleep(0.02)
            else:
                return

    def freeze(self) -> None:
        """Let it accept and never answer."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once: its port refuses connections."""
        if self._process is not None:
            self.thaw()  # or it would not hear
            self._process.send_signal(signal.SIGQUIT)  # PostgreSQL's children too
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        pid = self._process.pid
        # PostgreSQL has a process for each connection.
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for one in (pid, *map(int, children)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, number)

    def __enter__(self) -> Self:
        parent = self.folder.parent
        if self._user is not None:
            shutil.chown(parent, self._user)
        subprocess.run(
            self.create(), user=self._user, check=True, capture_output=True, cwd=parent
        )
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._directory.cleanup()


class OwnPostgres(OwnServer):
    """A PostgreSQL server with a superuser `tester` and no password."""

    def __init__(self) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
        self._bin = require("PostgreSQL's server", found)[-1].parent
        super().__init__("postgres")
        self.url = f"postgresql://tester@{HOST}:{self.port}/postgres"

    def create(self) -> list[str]:
        """Return the command that makes the data directory."""
        options = ["-U", "tester", "-A", "trust", "--no-sync"]
        return [str(self._bin / "initdb"), "-D", str(self.folder), *options]

    def serve(self) -> list[str]:
        """Return the command that serves it."""
        options = ["-p", str(self.port), "-h", HOST, "-k", str(self.folder.parent)]
        return [str(self._bin / "postgres"), "-D", str(self.folder), "-F", *options]


class OwnMariaDB(OwnServer):
    """A MariaDB server that checks no password."""

    def __init__(self) -> None:
        self._daemon = require("MariaDB's server", shutil.which("mariadbd"))
        self._install = require("MariaDB's tools", shutil.which("mariadb-install-db"))
        super().__init__("mysql")
        self.url = f"mysql://root@{HOST}:{self.port}/mysql"

    def create(self) -> list[str]:
        """Return the command that makes the data directory."""
        where = f"--datadir={self.folder}"
        return [self._install, "--no-defaults", "--skip-test-db", where]

    def serve(self) -> list[str]:
        """Return the command that serves it."""
        return [
            *(self._daemon, "--no-defaults", f"--datadir={self.folder}"),
            *(f"--port={self.port}", f"--bind-address={HOST}", "--skip-grant-tables"),
            *("--skip-networking=0", f"--socket={self.folder.parent}/db.sock"),
        ]
